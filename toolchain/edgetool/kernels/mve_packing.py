"""What the Helium kernels read: weights of four channels side by side, and the kind of rounding.

VQRDMULH rounds as LiteRT's first step does. VRSHL then rounds halves up where LiteRT rounds them
away from zero: the two differ only for quotients below 0, which become 1 less before the shift;
where the lower clamp is not below the zero point nobody sees them, and they are left as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.kernels.epilogue import per_channel
from edgetool.program.accumulators import Requantization
from edgetool.program.arithmetic import Int32Array, Int64Array

Array = npt.NDArray[Any]
UInt32Array = npt.NDArray[np.uint32]

RECTIFIED, LINEAR, ANY = 0, 1, 2
"""EDGE_TAIL_… of edge_mve.h."""

VECTOR = 16  # taps of a vector
GROUP = 4  # channels whose sums share a vector
WORD = 4

Scales = tuple[Int64Array, Int32Array, Int32Array]
"""Biases, multipliers and shifts (O,)."""


def padded_depth(taps: int, growth: float) -> int:
    """Taps with the zeros that fill the last vector, where they add at most growth.

    Fewer than a vector are always filled: the kernel starts with a whole one.
    """
    whole = -(-taps // VECTOR) * VECTOR
    return whole if taps < VECTOR or whole <= taps * (1 + growth) else taps


def choose_tail(found: Requantization) -> int:
    """The cheapest exact sequence for the layer's shifts and lower clamp."""
    _, shifts = per_channel(found, found.bias.size)
    if np.all(shifts <= 0) and found.bounds[0] >= found.zero_point:
        return RECTIFIED
    return LINEAR if np.all(shifts < 0) else ANY


def double_rounding(found: Requantization) -> Scales:
    """The scales of a layer that rounds twice."""
    return found.bias, *per_channel(found, found.bias.size)


def pack_groups(weights: Array, depth: int, scales: Scales) -> UInt32Array:
    """The stream that edge_dot reads, for each 4 channels (the last padded with zeros):

    weights [vector][4][16] and [4][rest], biases, multipliers, shifts.
    weights: int8 (O, K).   depth: at least K, zeros behind it; the rest behind depth // 16
    vectors is padded to words.
    """
    padded = np.pad(weights, ((0, 0), (0, depth - weights.shape[1])))
    columns = (weight_words(padded), *(group_words(values) for values in scales))
    return np.ascontiguousarray(np.concatenate(columns, axis=1)).ravel()


def group_words(values: Array) -> UInt32Array:
    """(O / 4, 4) words of int32 values (O,), padded with zeros."""
    padded = np.pad(values.astype(np.int32), (0, -values.size % GROUP))
    return padded.view(np.uint32).reshape(-1, GROUP)


def weight_words(weights: Array) -> UInt32Array:
    """(O / 4, words) of int8 weights (O, K): vector by vector, in each the 4 channels in turn."""
    outputs, depth = weights.shape
    whole = depth - depth % VECTOR
    padded = np.pad(weights.astype(np.int8), ((0, -outputs % GROUP), (0, -depth % WORD)))
    groups = padded.reshape(len(padded) // GROUP, GROUP, -1)
    vectors = groups[:, :, :whole].reshape(len(groups), GROUP, -1, VECTOR)
    parts = (
        vectors.transpose(0, 2, 1, 3).reshape(len(groups), -1),
        groups[:, :, whole:].reshape(len(groups), -1),
    )
    return np.ascontiguousarray(np.concatenate(parts, axis=1)).view(np.uint32)
