"""Fixed-point arithmetic against the definitions in gemmlowp and LiteRT, in Python integers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgetool.program.arithmetic import (
    INT32_MAX,
    INT32_MIN,
    clamp,
    divide_by_power_of_two,
    multiply_double_rounding,
    multiply_high,
    multiply_real,
    quantize_multiplier,
    quantize_multipliers,
    round_half_away,
    split_factors,
    wrap_int32,
)

INT32 = st.integers(INT32_MIN, INT32_MAX)
MULTIPLIERS = st.one_of(st.just(0), st.integers(1 << 30, INT32_MAX))


def doubling_high_multiply(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul."""
    if a == b == INT32_MIN:
        return INT32_MAX
    product = a * b
    nudge = (1 << 30) if product >= 0 else 1 - (1 << 30)
    return math.trunc(Fraction(product + nudge, 1 << 31))


def rounding_divide(x: int, exponent: int) -> int:
    """gemmlowp's RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if (x & mask) > threshold else 0)


def wrapped(x: int) -> int:
    return (x - INT32_MIN) % (1 << 32) + INT32_MIN


def litert_multiply(x: int, multiplier: int, shift: int) -> int:
    """LiteRT's MultiplyByQuantizedMultiplier with two roundings."""
    left, right = max(shift, 0), max(-shift, 0)
    return rounding_divide(doubling_high_multiply(wrapped(x << left), multiplier), right)


@given(INT32, INT32)
@example(INT32_MIN, INT32_MIN)
@example(1 << 30, 1)
@example(-(1 << 30), 1)
def test_multiply_high_is_gemmlowps(a: int, b: int) -> None:
    assert int(multiply_high(a, b)) == doubling_high_multiply(a, b)


@given(INT32, st.integers(0, 31))
@example(INT32_MIN, 31)
@example(-1, 1)
def test_divide_by_power_of_two_is_gemmlowps(x: int, exponent: int) -> None:
    assert int(divide_by_power_of_two(x, exponent)) == rounding_divide(x, exponent)


@given(INT32, MULTIPLIERS, st.integers(-31, 31))
@example(INT32_MIN, INT32_MAX, 0)
@example(INT32_MIN, INT32_MAX, -31)
@example(-1, 1 << 30, -1)
@example(INT32_MAX, INT32_MAX, 31)
def test_multiply_double_rounding_is_litert(x: int, multiplier: int, shift: int) -> None:
    assert int(multiply_double_rounding(x, multiplier, shift)) == litert_multiply(
        x, multiplier, shift
    )


@given(st.integers(-1000, 1000), st.integers(1, 20), st.integers(-1, 1))
def test_multiply_double_rounding_is_litert_next_to_ties(k: int, right: int, off: int) -> None:
    multiplier, x = (1 << 30) + 12345, ((2 * k + 1) << right) + off
    assert int(multiply_double_rounding(x, multiplier, -right)) == litert_multiply(
        x, multiplier, -right
    )


def test_multiply_double_rounding_broadcasts_over_channels() -> None:
    values = np.arange(-6, 6).reshape(4, 3) * 1000
    multipliers, shifts = quantize_multipliers(np.array([0.1, 2.5, 1e-3]))
    found = multiply_double_rounding(values, multipliers, shifts)
    expected = [
        [litert_multiply(int(x), int(m), int(s)) for x, m, s in zip(row, multipliers, shifts)]  # noqa: B905
        for row in values
    ]
    assert found.tolist() == expected


@given(st.floats(2.0**-31, 2.0**30))
def test_a_quantized_multiplier_is_within_half_a_unit_of_its_factor(factor: float) -> None:
    multiplier, shift = quantize_multiplier(factor)
    assert 1 << 30 <= multiplier <= INT32_MAX
    back = Fraction(multiplier) * Fraction(2) ** (shift - 31)
    assert abs(back - Fraction(factor)) <= Fraction(2) ** (shift - 32)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (1 << 30, 0)),
        (1.0, (1 << 30, 1)),
        (1.0 - 2.0**-40, (1 << 30, 1)),  # rounds up to 2**31, which is carried into the shift
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),
    ],
)
def test_quantize_multiplier_at_its_edges(factor: float, expected: tuple[int, int]) -> None:
    assert quantize_multiplier(factor) == expected


@given(INT32, st.floats(1e-12, 1.0))
def test_multiply_real_is_std_round_of_the_double_product(x: int, factor: float) -> None:
    product = Fraction(float(x) * factor)
    magnitude = math.floor(abs(product) + Fraction(1, 2))
    expected = min(magnitude, INT32_MAX) * (-1 if x < 0 else 1)
    assert multiply_real(np.array([x]), np.array([factor])).tolist() == [expected]


@given(st.floats(2.0**-41, 2.0**20 - 1))
def test_split_factors_are_exact(factor: float) -> None:
    [mantissa], [shift] = split_factors(np.array([factor]))
    assert Fraction(int(mantissa)) / Fraction(2) ** int(shift) == Fraction(factor)
    assert 1 << 52 <= mantissa < 1 << 53


def test_split_factors_beyond_the_range_keep_their_effect() -> None:
    mantissas, shifts = split_factors(np.array([0.0, 1e-300, 1e30]))
    assert mantissas[0] == 0
    assert shifts.tolist()[1:] == [94, 33]


@given(st.floats(-(2.0**52), 2.0**52))
@example(0.49999999999999994)
@example(-0.5)
@example(2.5)
def test_round_half_away_is_exact(value: float) -> None:
    exact = Fraction(value)
    magnitude = math.floor(abs(exact) + Fraction(1, 2))
    assert round_half_away(value) == (-magnitude if value < 0 else magnitude)


@given(st.integers(-(2**62), 2**62))
def test_wrap_int32_keeps_the_low_bits(x: int) -> None:
    assert int(wrap_int32(x)) == wrapped(x)


def test_clamp_limits_and_casts() -> None:
    found = clamp(np.array([-1000, -5, 0, 1000]), (-4, 127), "int8")
    assert (found.dtype, found.tolist()) == (np.int8, [-4, -4, 0, 127])
