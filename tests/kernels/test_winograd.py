"""Winograd's filtering in exact integers: the identities, and that nothing leaves its word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edgetool.kernels.epilogue import Epilogue
from edgetool.kernels.winograd import (
    F2,
    F4,
    OFFSET,
    UNSIGNED,
    WEIGHTS_4,
    Scheme,
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
SUMS = np.array(  # A^T, its last column twice: WEIGHTS_4 has half there
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
    most = np.abs(WEIGHTS_4).sum(axis=1)
    assert int(np.outer(most, most).max()) * 128 < 1 << 15
    unsigned = 255
    for row in INPUTS:
        for column in INPUTS:
            terms = np.outer(row, column) * unsigned
            assert OFFSET + int(np.minimum(terms, 0).sum()) >= 0
            assert OFFSET + int(np.maximum(terms, 0).sum()) < 1 << 15


def test_two_by_two_outputs_come_times_4() -> None:
    """What the C kernels of F(2x2, 3x3) do, whose weights are transformed at run time."""
    rng = np.random.default_rng(1)
    inputs, weights = rng.integers(-128, 128, (4, 4, 8)), rng.integers(-128, 128, (3, 3, 8))
    of_inputs = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
    of_weights = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])
    of_sums = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
    values = np.einsum("ia,abc,jb->ijc", of_inputs, inputs, of_inputs)
    grown = np.einsum("ia,abc,jb->ijc", of_weights, weights, of_weights)
    found = of_sums @ (values * grown).sum(axis=2) @ of_sums.T
    np.testing.assert_array_equal(found, 4 * correlate(inputs, weights))


@pytest.mark.parametrize("scheme", [F2, F4])
@pytest.mark.parametrize("tail", [0, 1])
def test_scales_give_the_shifted_sums_of_what_outputs_come_times(scheme: Scheme, tail: int) -> None:
    rng = np.random.default_rng(tail)
    shifts = np.array([scheme.shift, 9, 15], np.int32)
    bias = np.array([-12345, 678, 1], np.int64)
    epilogue = Epilogue(tail, shifts + 100, shifts + 200, shifts)
    assert scheme.is_exact(epilogue)
    scales = scheme.scales(bias, epilogue).astype(np.int64)
    sums = rng.integers(-(1 << 20), 1 << 20, (1000, 3))
    combined = (sums * (odd_square(scheme) << scheme.shift)) & 0xFFFFFFFF
    shifted = (combined * scales[:, 0] + scales[:, 1]) & 0xFFFFFFFF
    right = ((sums + bias) << shifts) & 0xFFFFFFFF
    np.testing.assert_array_equal(shifted, right)
    np.testing.assert_array_equal(scales[:, 2], shifts + 100)
    np.testing.assert_array_equal(scales[:, 3], shifts + 200)
    np.testing.assert_array_equal(scales[:, 4], tail << (shifts - 1))


def odd_square(scheme: Scheme) -> int:
    return {2: 1, 4: 9}[scheme.outputs]


def test_shifts_below_what_outputs_come_times_are_refused() -> None:
    shifts = np.array([F4.shift - 1, 9], np.int32)
    assert not F4.is_exact(Epilogue(0, shifts, shifts, shifts))
    assert not F4.is_exact(Epilogue(2, shifts, shifts, shifts + 9))


def test_the_packed_stream_takes_the_offset_out() -> None:
    rng = np.random.default_rng(2)
    inputs = rng.integers(-128, 128, (6, 6, 4))
    weights = rng.integers(-128, 128, (2, 3, 3, 4)).astype(np.int8)
    columns = pack(weights).view(np.int32).reshape(F4.positions, 6)
    values = np.einsum("ia,abc,jb->ijc", INPUTS, inputs + UNSIGNED, INPUTS) + OFFSET
    values = values.reshape(F4.positions, 4)[:, [0, 2, 1, 3]]
    for channel in range(2):
        halves = np.ascontiguousarray(columns[:, 2 + channel :: 2]).view(np.int16)
        sums = columns[:, channel] + (values * halves.astype(np.int64)).sum(axis=1)
        right = correlate(inputs + UNSIGNED, weights[channel].astype(np.int64))
        np.testing.assert_array_equal(SUMS @ sums.reshape(6, 6) @ SUMS.T, 576 * right)
