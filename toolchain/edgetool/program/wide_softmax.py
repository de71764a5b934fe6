"""Softmax of int16 codes: exp and 1 / (1 + x) by interpolated tables.

Source: LiteRT reference/softmax.h SoftmaxInt16, kernels/activations.cc.
"""

from __future__ import annotations

import functools

import numpy as np

from edgetool.program.arithmetic import multiply_double_rounding, quantize_multiplier
from edgetool.program.interpolation import HIGHEST, LOWEST, Table, interpolate, interpolated_table
from edgetool.program.operator import Array
from edgetool.program.tensor import Quantization, Tensor

OUTPUT = Quantization.per_tensor(1 / 32768, 0)
RANGE = HIGHEST - LOWEST
FARTHEST = 10.0  # exp(-10) is negligible


def wide_softmax(x: Array, tensor: Tensor, beta: float) -> Array:
    """Probabilities of scale 1/32768 along the last axis. x: int16 codes of tensor."""
    multiplier, shift = distance_factor(tensor, beta)
    distance = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    scaled = multiply_double_rounding(distance, multiplier, shift) + HIGHEST
    powers = interpolate(exponentials(), np.clip(scaled, LOWEST, HIGHEST))
    total = powers.sum(axis=-1, keepdims=True)
    bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)  # of total, which is positive
    shifted = ((total << (31 - bits)) + (1 << 13)) >> 14
    reciprocal = interpolate(reciprocals(), np.clip(shifted - (3 << 15), LOWEST, HIGHEST))
    right = bits - 1
    result = (powers * reciprocal + ((np.int64(1) << right) >> 1)) >> right
    return np.asarray(np.clip(result, 0, HIGHEST), np.int16)


def distance_factor(x: Tensor, beta: float) -> tuple[int, int]:
    """(multiplier, shift) that take distances in codes of x to 65535 steps over [-10, 0]."""
    return quantize_multiplier(float(x.scale) * beta / (FARTHEST / 65535.0))


@functools.cache
def exponentials() -> Table:
    """exp over [-10, 0] with 15 fraction bits."""
    return interpolated_table(np.exp, FARTHEST / RANGE, HIGHEST, 2 / RANGE)


@functools.cache
def reciprocals() -> Table:
    """1 / (1 + x) over [0, 1] with 15 fraction bits."""
    return interpolated_table(lambda x: 1 / (1 + x), 1 / RANGE, LOWEST, 2 / RANGE)
