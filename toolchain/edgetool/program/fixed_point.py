"""gemmlowp's fixed-point exp and reciprocal, which LiteRT's int8 softmax is made of.

A number with n integer bits is held as an int32: value = raw / 2**(31 - n).
Source: gemmlowp fixedpoint/fixedpoint.h; the constants are its own.
"""

from __future__ import annotations

import numpy as np

from edgetool.program.arithmetic import (
    INT32_MAX,
    Int64Array,
    divide_by_power_of_two,
    multiply_high,
)

EXP_INTEGER_BITS = 5
EXP_FRACTION_BITS = 31 - EXP_INTEGER_BITS
ONE_EIGHTH = 1 << 28  # no integer bits
EXP_MINUS_EIGHTH = 1895147668  # exp(-1/8), no integer bits
ONE_THIRD = 715827883  # no integer bits
# exp(-2**e) for e = -2 … 4, no integer bits
EXP_OF_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
FORTY_EIGHT_17THS = 1515870810  # two integer bits
MINUS_THIRTY_TWO_17THS = -1010580540  # two integer bits
NEWTON_STEPS = 3


def exp_of_negative(raw: Int64Array) -> Int64Array:
    """exp of numbers ≤ 0 with 5 integer bits; the result has none."""
    quarter = 1 << (EXP_FRACTION_BITS - 2)
    within = (raw & (quarter - 1)) - quarter  # in [-1/4, 0)
    result = _exp_of_quarter(within << EXP_INTEGER_BITS)
    remainder = within - raw
    for exponent, factor in EXP_OF_POWERS:
        bit = remainder & (1 << (EXP_FRACTION_BITS + exponent))
        result = np.where(bit != 0, multiply_high(result, factor), result)
    return np.asarray(np.where(raw == 0, INT32_MAX, result), np.int64)


def _exp_of_quarter(raw: Int64Array) -> Int64Array:
    """exp on [-1/4, 0), no integer bits: Taylor's series around -1/8."""
    x = raw + ONE_EIGHTH
    square = multiply_high(x, x)
    cube = multiply_high(square, x)
    fourth = multiply_high(square, square)
    tail = multiply_high(divide_by_power_of_two(fourth, 2) + cube, ONE_THIRD) + square
    series = x + divide_by_power_of_two(tail, 1)
    return EXP_MINUS_EIGHTH + multiply_high(EXP_MINUS_EIGHTH, series)


def reciprocal(total: Int64Array, integer_bits: int) -> tuple[Int64Array, Int64Array]:
    """(raw, exponent) with 1 / total = raw / 2**31 / 2**exponent; total > 0 is int32.

    Source: GetReciprocal and one_over_one_plus_x_for_x_in_0_1: Newton's division.
    """
    leading_zeros = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    fraction = (total << leading_zeros) - (1 << 31)  # total = (1 + fraction) * 2**…
    half_denominator = (fraction + INT32_MAX + 1) >> 1
    x = FORTY_EIGHT_17THS + multiply_high(half_denominator, MINUS_THIRTY_TWO_17THS)
    for _ in range(NEWTON_STEPS):
        error = (1 << 29) - multiply_high(half_denominator, x)
        x = x + _shift_left_saturating(multiply_high(x, error), 2)
    return _shift_left_saturating(x, 1), integer_bits - leading_zeros


def _shift_left_saturating(values: Int64Array, bits: int) -> Int64Array:
    return np.asarray(np.clip(values << bits, -(1 << 31), INT32_MAX), np.int64)
