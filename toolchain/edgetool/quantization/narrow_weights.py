"""Scales of 4-bit weights: with so few steps, clipping the largest weights serves the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.quantization.parameters import INT4_MAX

FloatArray = npt.NDArray[np.floating[Any]]
SHRINK = np.linspace(1.0, 0.5, 26)  # of the scale at which nothing is clipped


def search_scales(
    weights: FloatArray, largest: npt.NDArray[np.float32], axis: int | None
) -> npt.NDArray[np.float32]:
    """The scale of each channel, among SHRINK times its largest, of least squared error.

    weights: any shape.   largest: (channels,) along axis, or () for one scale in all: max |w| / 7.
    Returns: float32, the shape of largest.
    """
    rows = weights.reshape(1, -1) if axis is None else np.moveaxis(weights, axis, 0)
    rows = rows.reshape(len(rows), -1).astype(np.float64)
    top = largest.reshape(-1, 1).astype(np.float64)
    errors = np.stack([_squared_errors(rows, top * factor) for factor in SHRINK])
    best = SHRINK[errors.argmin(axis=0)]
    return np.asarray((top[:, 0] * best).reshape(largest.shape), np.float32)


def _squared_errors(rows: FloatArray, scale: FloatArray) -> FloatArray:
    """(channels,) sums over rows (channels, K) rounded with scale (channels, 1)."""
    rounded = np.clip(np.rint(rows / scale), -INT4_MAX, INT4_MAX) * scale
    return np.asarray(((rounded - rows) ** 2).sum(axis=1))
