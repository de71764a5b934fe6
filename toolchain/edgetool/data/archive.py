"""Reading .npz and .npy files that may be damaged or hostile.

Sizes come from the zip and .npy headers and are checked before anything is unpacked; object
arrays, which hold pickles, are refused.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from edgetool.data.dataset import Array
from edgetool.errors import DataError

MAX_BYTES = 2 << 30
_MAX_HEADER_BYTES = 10_000
# What zipfile, zlib and NumPy raise on damaged files; encrypted members are a RuntimeError.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    SyntaxError,
    TypeError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    OSError,
)


class Archive(Mapping[str, Array]):
    """The arrays of an .npz file by name, read when asked for.

    Raises: DataError for a file that is not an .npz, is damaged, or unpacks to over MAX_BYTES.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except _DAMAGE as error:
            raise damaged(path, error) from error
        self._members = {
            info.filename.removesuffix(".npy"): info
            for info in members
            if info.filename.endswith(".npy")
        }
        unpacked = sum(info.file_size for info in self._members.values())
        if unpacked > MAX_BYTES:
            raise too_large(path, unpacked)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, name: str) -> Array:
        info = self._members[name]
        where = f"array '{name}' of {self.path}"
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(info) as stream:
                return read_array(stream, info.file_size, where)
        except _DAMAGE as error:
            raise damaged(self.path, error) from error


def read_npy(path: Path) -> Array:
    """The array of an .npy file; DataError as for Archive."""
    try:
        with path.open("rb") as stream:
            return read_array(stream, path.stat().st_size, str(path))
    except _DAMAGE as error:
        raise damaged(path, error) from error


def read_array(stream: IO[bytes], size_bytes: int, where: str) -> Array:
    """The array in a stream of size_bytes in .npy format, of numbers only.

    Raises: DataError for objects and other types; ValueError for a malformed stream.
    """
    version = npy_format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = npy_format.read_array_header_1_0(stream, _MAX_HEADER_BYTES)
    elif version == (2, 0):
        shape, fortran, dtype = npy_format.read_array_header_2_0(stream, _MAX_HEADER_BYTES)
    else:
        raise ValueError(f"format version {version}")
    require_numbers(dtype, where)
    expected = math.prod(shape) * dtype.itemsize
    if expected > size_bytes:
        raise ValueError(f"{where} says {expected:,} bytes in a file of {size_bytes:,}")
    content = bytearray(expected)
    _fill(stream, content)
    array = np.frombuffer(content, dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def require_numbers(dtype: np.dtype[Any], where: str) -> None:
    """DataError for objects, text, structures and complex numbers."""
    if dtype.hasobject:
        raise DataError(
            f"{where} holds Python objects, which are refused: unpickling them runs code",
            hints=("save plain numbers: array.astype(numpy.float32)",),
        )
    if dtype.kind not in "biuf":
        raise DataError(
            f"{where} holds {dtype}, not integers or floats",
            hints=("save plain numbers: array.astype(numpy.float32)",),
        )


def _fill(stream: IO[bytes], content: bytearray) -> None:
    view, done = memoryview(content), 0
    while done < len(content):
        piece = stream.read(min(len(content) - done, 1 << 20))
        if not piece:
            raise EOFError(f"{len(content) - done:,} bytes are missing")
        view[done : done + len(piece)] = piece
        done += len(piece)
    # The checksum of a zip member is only compared at its end.
    stream.read(1)


def damaged(path: Path, error: BaseException) -> DataError:
    """The error for a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"data file '{path}' not found")
    kind = "an .npz archive" if path.suffix == ".npz" else "an .npy array"
    return DataError(
        f"'{path}' is not {kind}, or is damaged",
        details=(f"{type(error).__name__}: {error}".splitlines()[0][:200],),
        hints=("write it again with numpy.savez_compressed",),
    )


def too_large(path: Path, size_bytes: int) -> DataError:
    """The error for data that would not fit in memory."""
    return DataError(
        f"'{path}' unpacks to {size_bytes:,} bytes, {MAX_BYTES:,} is the limit",
        hints=("calibration needs 100 to 500 samples, not the training set",),
    )
