"""The short sequence for fully connected layers equals LiteRT's product in double, everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetool.kernels.single_rounding import Steps, find_steps, short_sequence
from edgetool.program.accumulators import REAL, Requantization
from edgetool.program.arithmetic import Int64Array


def requantization_of(factors: list[float], zero_point: int) -> Requantization:
    bias = np.zeros(len(factors), np.int64)
    return Requantization(bias, np.array(factors), REAL, zero_point, (-128, 127), "int8")


def steps_of(factor: float, zero_point: int, largest: int) -> Steps | None:
    return find_steps(requantization_of([factor], zero_point), np.array([largest], np.int64))


def short(sums: Int64Array, steps: Steps) -> Int64Array:
    numbers = (int(steps.multipliers[0]), int(steps.addends[0]), int(steps.shifts[0]))
    return short_sequence(sums, *numbers, steps.right, steps.sign)


@given(
    scales=st.tuples(st.floats(1e-3, 1), st.floats(1e-4, 1e-1), st.floats(1e-3, 10)),
    zero_point=st.integers(-128, 127),
)
def test_every_sum_rounds_as_the_product_in_double(
    scales: tuple[float, float, float], zero_point: int
) -> None:
    x, weight, out = (float(np.float32(scale)) for scale in scales)
    factor, largest = x * weight / out, 40_000
    steps = steps_of(factor, zero_point, largest)
    if steps is not None:
        sums = np.arange(-largest, largest + 1, dtype=np.int64)
        right = requantization_of([factor], zero_point).apply(sums[:, None])[:, 0]
        np.testing.assert_array_equal(short(sums, steps), right)


@pytest.mark.parametrize("factor", [0.5, 0.25, 1 / 256, 3 / 512, 1.0, 2.0])
def test_ties_round_away_from_zero_on_both_sides(factor: float) -> None:
    steps = steps_of(factor, -3, 5000)
    assert steps is not None
    sums = np.arange(-5000, 5001, dtype=np.int64)
    right = requantization_of([factor], -3).apply(sums[:, None])[:, 0]
    np.testing.assert_array_equal(short(sums, steps), right)


def test_nearly_every_factor_has_a_short_sequence() -> None:
    rng = np.random.default_rng(0)
    factors = (
        rng.uniform(0.01, 0.1, 100) * rng.uniform(1e-3, 1e-2, 100) / rng.uniform(0.02, 0.2, 100)
    )
    found = [steps_of(float(factor), -128, 1 << 20) for factor in factors]
    assert sum(steps is not None for steps in found) >= 95


def test_results_that_leave_int32_have_none() -> None:
    assert steps_of(1e3, 0, 1 << 22) is None
