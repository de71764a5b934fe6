"""Rounding weights so that the layer's outputs, not the weights, change least.

Rounding one weight to its grid leaves an error; the weights not rounded yet take on what they can
of it, given how the layer's inputs go together. Source: Frantar et al. 2023, "GPTQ: Accurate
Post-Training Quantization for Generative Pre-trained Transformers", algorithm 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.quantization.parameters import INT8_MAX

Array = npt.NDArray[Any]
DAMPING = 0.003
_BLOCK = 64  # columns whose errors are handed on together


def damped(covariance: Array) -> Array:
    """Covariances (…, k, k) with a share of their mean diagonal added to the diagonal."""
    diagonal = np.einsum("...ii->...i", covariance).mean(axis=-1, keepdims=True)
    amount = np.maximum(DAMPING * diagonal, 1e-12)
    return np.asarray(covariance + amount[..., None] * np.eye(covariance.shape[-1]))


def round_by_error(weights: Array, scale: Array, covariance: Array, limit: int = INT8_MAX) -> Array:
    """Integers within ±limit whose product with the inputs is close to that of the weights.

    weights: (groups, outputs, k) float64.   scale: (groups, outputs).
    covariance: of each group's inputs, (groups, k, k), positive definite.
    Returns: int8 (groups, outputs, k).
    """
    order = np.argsort(-np.einsum("gii->gi", covariance), axis=-1)  # the weightiest first
    groups = np.arange(len(weights))[:, None, None]
    ordered = covariance[groups, order[:, :, None], order[:, None, :]]
    # Row by row, what the remaining weights have to give for an error in this one.
    shares = np.swapaxes(np.linalg.cholesky(np.linalg.inv(ordered)), -1, -2)
    left = np.take_along_axis(weights, order[:, None, :], axis=-1)
    codes = np.zeros(weights.shape, np.int8)
    for first in range(0, weights.shape[-1], _BLOCK):
        block = slice(first, min(first + _BLOCK, weights.shape[-1]))
        codes[:, :, block], errors = _round_block(
            left[:, :, block], scale, shares[:, block, block], limit
        )
        left[:, :, block.stop :] -= errors @ shares[:, block, block.stop :]
    return np.take_along_axis(codes, np.argsort(order, axis=-1)[:, None, :], axis=-1)


def _round_block(left: Array, scale: Array, shares: Array, limit: int) -> tuple[Array, Array]:
    """(codes, errors in units of the shares' diagonal) of some columns, in order."""
    codes, errors = np.zeros_like(left), np.zeros_like(left)
    for column in range(left.shape[-1]):
        value = left[:, :, column]
        codes[:, :, column] = np.clip(np.rint(value / scale), -limit, limit)
        missed = value - codes[:, :, column] * scale
        errors[:, :, column] = missed / shares[:, None, column, column]
        left[:, :, column:] -= errors[:, :, column, None] * shares[:, None, column, column:]
    return codes, errors
