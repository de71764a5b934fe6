"""Integer scaling that stands in for LiteRT's scaling in double, compared for every sum."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetool.kernels.precise_scaling import PreciseScaling, find_scaling
from edgetool.program.accumulators import REAL, Requantization
from edgetool.program.arithmetic import INT32_MAX, INT32_MIN, Int64Array, multiply_double_rounding

CHANNELS = 3


def requantization(
    factors: list[float], zero_point: int, bounds: tuple[int, int]
) -> Requantization:
    bias = np.zeros(CHANNELS, np.int64)
    return Requantization(bias, np.array(factors), REAL, zero_point, bounds, "int8")


def scaled(scaling: PreciseScaling, sums: Int64Array) -> Int64Array:
    """What the kernel's instructions give for sums (N, 1) of every channel."""
    shifted = np.clip(sums << scaling.left, INT32_MIN, INT32_MAX)
    return multiply_double_rounding(shifted, scaling.multipliers, scaling.shifts)


@settings(max_examples=40)
@given(
    factors=st.lists(st.floats(1e-5, 1.9), min_size=CHANNELS, max_size=CHANNELS),
    zero_point=st.integers(-128, 127),
    bounds=st.sampled_from([(-128, 127), (-3, 90)]),
    largest=st.sampled_from([500, 70_000, 1 << 22]),
)
def test_found_scalings_are_right(
    factors: list[float], zero_point: int, bounds: tuple[int, int], largest: int
) -> None:
    found = requantization(factors, zero_point, bounds)
    scaling = find_scaling(found, np.full(CHANNELS, -largest), np.full(CHANNELS, largest))
    if scaling is None:
        return
    step = 1 if largest <= 70_000 else 61
    sums = np.arange(-largest, largest + 1, step)[:, None]
    given_bytes = np.clip(scaled(scaling, sums) + zero_point, *bounds)
    np.testing.assert_array_equal(given_bytes, found.apply(sums))


def test_nearly_every_layer_has_a_scaling() -> None:
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        found = requantization([float(2.0 ** random.uniform(-14, -4))] * CHANNELS, 3, (-128, 127))
        limit = np.full(CHANNELS, 1 << 21)
        hits += find_scaling(found, -limit, limit) is not None
    assert hits >= 195


def test_factors_too_far_apart_have_none() -> None:
    limit = np.full(CHANNELS, 1 << 20)
    assert find_scaling(requantization([1.5, 0.1, 1e-9], 0, (-128, 127)), -limit, limit) is None
