"""Winograd's F(4x4, 3x3) in exact integers: the identity, and that nothing leaves its word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edgetool.kernels.epilogue import Epilogue
from edgetool.kernels.winograd import (
    MIN_SHIFT,
    OFFSET,
    POSITIONS,
    UNSIGNED,
    WEIGHTS,
    pack,
    transform_weights,
)

Int64Array = npt.NDArray[np.int64]

INPUTS = np.array(  # B^T of the paper
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.int64,
)
SUMS = np.array(  # A^T, its last column twice: WEIGHTS has half there
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 2]], np.int64
)


def correlate(inputs: Int64Array, weights: Int64Array) -> Int64Array:
    """(4, 4) outputs of inputs (6, 6, I) and weights (3, 3, I)."""
    windows = np.lib.stride_tricks.sliding_window_view(inputs, (3, 3), axis=(0, 1))
    return np.asarray(np.einsum("yxiab,abi->yx", windows, weights), np.int64)


def test_outputs_come_times_576() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.integers(-128, 128, (6, 6, 8))
    weights = rng.integers(-128, 128, (3, 3, 8))
    values = np.einsum("ia,abc,jb->ijc", INPUTS, inputs, INPUTS)
    grown = transform_weights(weights[None].astype(np.int8))[0].reshape(6, 6, 8)
    found = SUMS @ (values * grown).sum(axis=2) @ SUMS.T
    np.testing.assert_array_equal(found, 576 * correlate(inputs, weights))


def test_transformed_weights_and_inputs_stay_within_their_halves() -> None:
    most = np.abs(WEIGHTS).sum(axis=1)
    assert int(np.outer(most, most).max()) * 128 < 1 << 15
    unsigned = 255
    for row in INPUTS:
        for column in INPUTS:
            terms = np.outer(row, column) * unsigned
            assert OFFSET + int(np.minimum(terms, 0).sum()) >= 0
            assert OFFSET + int(np.maximum(terms, 0).sum()) < 1 << 15


@pytest.mark.parametrize("tail", [0, 1])
def test_the_packed_stream_gives_the_shifted_sums(tail: int) -> None:
    rng = np.random.default_rng(tail)
    inputs = rng.integers(-128, 128, (6, 6, 4))
    weights = rng.integers(-128, 128, (2, 3, 3, 4)).astype(np.int8)
    bias = np.array([-12345, 678], np.int64)
    shifts = np.array([MIN_SHIFT, 11], np.int32)
    epilogue = Epilogue(tail, shifts + 100, shifts + 200, shifts)
    words = pack(weights, bias, epilogue)
    columns = words[:-10].view(np.int32).reshape(POSITIONS, 6)
    scales = words[-10:].view(np.int32).reshape(2, 5).astype(np.int64)
    values = np.einsum("ia,abc,jb->ijc", INPUTS, inputs + UNSIGNED, INPUTS) + OFFSET
    values = values.reshape(POSITIONS, 4)[:, [0, 2, 1, 3]]
    for channel in range(2):
        halves = np.ascontiguousarray(columns[:, 2 + channel :: 2]).view(np.int16)
        sums = columns[:, channel] + (values * halves.astype(np.int64)).sum(axis=1)
        combined = SUMS @ sums.reshape(6, 6) @ SUMS.T
        factor, start, *rest = scales[channel]
        shifted = (combined * factor + start) & 0xFFFFFFFF
        right = (correlate(inputs, weights[channel].astype(np.int64)) + bias[channel]) << int(
            shifts[channel]
        )
        np.testing.assert_array_equal(shifted, right & 0xFFFFFFFF)
        shift = int(shifts[channel])
        assert rest == [shift + 100, shift + 200, tail << (shift - 1)]
