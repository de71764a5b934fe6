"""Weights of 4 bits as bytes: two's complement, two to a byte, the first one in the low half.

TFLite stores int4 tensors so, ONNX its INT4 tensors, and the C kernels read them so.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def pack_nibbles(rows: Array) -> npt.NDArray[np.uint8]:
    """(rows, ceil(K / 2)) bytes of integers (rows, K) within -8..7; each row from a whole byte."""
    even = np.pad(rows.astype(np.int8), ((0, 0), (0, rows.shape[1] % 2)))
    halves = even.view(np.uint8) & 15
    return np.asarray(halves[:, ::2] | halves[:, 1::2] << 4, np.uint8)


def unpack_nibbles(packed: npt.NDArray[np.uint8], count: int) -> Array:
    """The first count integers of bytes (n,), as ml_dtypes.int4 (count,); count <= 2 n."""
    halves = np.stack([packed & 15, packed >> 4], axis=-1).reshape(-1)[:count]
    return ((halves ^ 8).astype(np.int8) - 8).astype(ml_dtypes.int4)
