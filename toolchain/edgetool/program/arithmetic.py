"""Fixed-point arithmetic of LiteRT's reference kernels, vectorised in int64.

A real factor is kept as (multiplier, shift): factor = multiplier / 2**31 * 2**shift with
multiplier in [2**30, 2**31). Values are int32 numbers held in int64 arrays.
Source: tflite/kernels/internal/{common,quantization_util}, gemmlowp/fixedpoint.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
UInt64Array = npt.NDArray[np.uint64]
FloatArray = npt.NDArray[np.float64]
Integers = npt.NDArray[Any] | int

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


def quantize_multiplier(factor: float) -> tuple[int, int]:
    """(multiplier, shift) of a factor ≥ 0; (0, 0) for 0 and for factors below 2**-32.

    Source: QuantizeMultiplier. Halves round away from zero, as std::round does.
    """
    if factor == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(factor)
    multiplier = round_half_away(mantissa * (1 << 31))
    if multiplier == 1 << 31:
        multiplier, shift = 1 << 30, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def quantize_multipliers(factors: npt.NDArray[np.float64]) -> tuple[Int32Array, Int32Array]:
    """quantize_multiplier of each factor: (multipliers, shifts), both int32 of factors' size."""
    pairs = [quantize_multiplier(float(factor)) for factor in factors.ravel()]
    multipliers, shifts = np.array(pairs, np.int32).reshape(-1, 2).T
    return np.ascontiguousarray(multipliers), np.ascontiguousarray(shifts)


def round_half_away(value: float) -> int:
    """The nearest integer, halves away from zero (std::round), exact for every double."""
    floor = math.floor(abs(value))
    magnitude = floor + (abs(value) - floor >= 0.5)
    return -magnitude if value < 0 else magnitude


def multiply_double_rounding(values: Integers, multiplier: Integers, shift: Integers) -> Int64Array:
    """values * multiplier / 2**31 * 2**shift, rounded after the product and after the shift.

    The arguments broadcast; multiplier ≥ 0, shift -31..31. A left shift that leaves int32 wraps,
    as it does in LiteRT.
    Source: MultiplyByQuantizedMultiplier(int32) without TFLITE_SINGLE_ROUNDING. Halves go up
    after the product and away from zero after a right shift by n > 0: together one floor of
    (values * multiplier + 2**30 + 2**(30 + n) - [values < 0] * 2**31) / 2**(31 + n).
    """
    shifts = np.asarray(shift, np.int64)
    right = np.maximum(-shifts, 0)
    second = right > 0
    shifted = np.asarray(values, np.int64)
    if np.any(shifts > 0):
        shifted = wrap_int32(shifted << np.maximum(shifts, 0))
    product = np.asarray(shifted * np.asarray(multiplier, np.int64), np.int64)
    nudged: Int64Array = product + ((1 << 30) + (second.astype(np.int64) << (30 + right)))
    nudged -= (shifted < 0) * (second.astype(np.int64) << 31)
    nudged >>= 31 + right
    return nudged


def multiply_wide(values: Int64Array, multiplier: Integers, shift: Integers) -> Int64Array:
    """values * multiplier / 2**31 * 2**shift by 15 bits of the multiplier, rounded once, halves up.

    The arguments broadcast; |values| < 2**47, multiplier ≥ 0, shift -31..7.
    Source: MultiplyByQuantizedMultiplier(int64), which layers with int16 activations use.
    """
    reduced, total = reduce_multipliers(multiplier, shift)
    return np.asarray((values * reduced + (np.int64(1) << (total - 1))) >> total, np.int64)


def reduce_multipliers(multiplier: Integers, shift: Integers) -> tuple[Int64Array, Int64Array]:
    """(15-bit multipliers, right shifts 8..46) by which multiply_wide scales."""
    wide = np.asarray(multiplier, np.int64)
    reduced = np.minimum((wide + (1 << 15)) >> 16, 0x7FFF)
    return reduced, 15 - np.asarray(shift, np.int64)


def multiply_real(values: Int64Array, factors: FloatArray) -> Int64Array:
    """values * factors in double, rounded once, halves away from zero (std::round).

    The arguments broadcast; factors ≥ 0. Products beyond int32 saturate.
    Source: LiteRT 2.3 FULLY_CONNECTED, found by experiment: neither fixed-point variant of
    MultiplyByQuantizedMultiplier gives its results near ties.
    """
    product = np.abs(values).astype(np.float64) * factors
    whole = np.floor(product)
    magnitude = np.minimum(whole + (product - whole >= 0.5), INT32_MAX)
    return np.asarray(np.sign(values) * magnitude, np.int64)


def split_factors(factors: FloatArray) -> tuple[UInt64Array, Int32Array]:
    """(mantissas, shifts), factors = mantissa / 2**shift, for multiply_real in integers.

    mantissa: 2**52..2**53 - 1, or 0; shift 33..94. Larger factors saturate int8 whatever they
    are, smaller ones round every int32 to 0.
    """
    fractions, exponents = np.frexp(np.asarray(factors, np.float64).ravel())
    mantissas = np.ldexp(fractions, 53).astype(np.uint64)
    return mantissas, np.clip(53 - exponents, 33, 94).astype(np.int32)


def multiply_high(values: Integers, multiplier: Integers) -> Int64Array:
    """round(values * multiplier / 2**31), halves upwards, saturated to int32.

    Source: gemmlowp SaturatingRoundingDoublingHighMul; its sign-dependent nudge before a
    truncating division is the same number as this floor.
    """
    product = np.asarray(values, np.int64) * np.asarray(multiplier, np.int64)
    rounded: Int64Array = (product + (1 << 30)) >> 31
    return np.minimum(rounded, INT32_MAX)


def divide_by_power_of_two(values: Integers, exponent: Integers) -> Int64Array:
    """values / 2**exponent, halves away from zero; exponent 0..31.

    Source: gemmlowp RoundingDivideByPOT.
    """
    numbers, exponents = np.asarray(values, np.int64), np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponents) - 1
    threshold = (mask >> 1) + (numbers < 0)
    return (numbers >> exponents) + ((numbers & mask) > threshold)


def wrap_int32(values: Integers) -> Int64Array:
    """values modulo 2**32, in the range of int32."""
    return np.asarray(values, np.int64).astype(np.int32).astype(np.int64)


def clamp(values: Integers, bounds: tuple[int, int], dtype: str) -> npt.NDArray[Any]:
    """values limited to bounds (inclusive, within dtype) and cast."""
    return np.clip(values, bounds[0], bounds[1]).astype(dtype)
