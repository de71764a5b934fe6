"""Reading untrusted flatbuffers: every count is checked before anything is read or allocated.

FlatBuffers' own verifier does not exist in Python. The generated readers raise struct.error,
ValueError, TypeError or IndexError when an offset leaves the file; `reading` turns those into
a ModelFormatError. What they cannot see is a small file whose tables point at each other so
that reading it takes forever: `Budget` bounds the work by the size of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from flatbuffers import number_types
from flatbuffers.table import Table

from edgetool.errors import ModelFormatError

IDENTIFIER = b"TFL3"
SMALLEST_FILE_BYTES = 16
# Offsets are signed 32-bit in places; larger models keep their weights outside the flatbuffer.
LARGEST_FILE_BYTES = 2**31 - 1
# A file is read over at most this many times: writers may share vectors, but not without end.
READINGS_PER_BYTE = 4
LONGEST_NAME_BYTES = 64 * 1024
# Of tensors, operators or operator codes. Networks for small machines have hundreds.
MOST_TABLES = 50_000

_CORRUPT_HINTS = ("export or download the file again", "compare its sha256 with the original's")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Give what goes wrong in the generated readers a name and a place.

    Raises: ModelFormatError instead of the errors that an offset outside the file causes.
    """
    try:
        yield
    except (struct.error, ValueError, TypeError, IndexError, OverflowError) as error:
        raise corrupt(what, str(error)) from error


def corrupt(what: str, why: str) -> ModelFormatError:
    """The error for bytes that contradict the format."""
    return ModelFormatError(f"corrupt TFLite file: {what}: {why}", hints=_CORRUPT_HINTS)


def check_header(data: bytes) -> None:
    """Refuse what is too short, too long, or not marked as TFLite.

    Raises: ModelFormatError.
    """
    if len(data) < SMALLEST_FILE_BYTES:
        raise corrupt("header", f"{len(data)} bytes are too few for a model")
    if len(data) > LARGEST_FILE_BYTES:
        raise ModelFormatError(f"a TFLite file of {len(data)} bytes: at most 2 GiB are read")
    if data[4:8] != IDENTIFIER:
        raise ModelFormatError(
            f"not a TFLite file: its identifier is {data[4:8]!r}, {IDENTIFIER!r} expected",
            hints=("give a .tflite or .onnx file",),
        )


class Budget:
    """What may still be read or copied: each element costs its bytes, views cost nothing."""

    def __init__(self, file_bytes: int) -> None:
        self.file_bytes = file_bytes
        self.left = READINGS_PER_BYTE * file_bytes

    def spend(self, count: int, item_bytes: int, what: str) -> int:
        """count, if so many items fit into the file and into what may still be read."""
        size = count * item_bytes
        if size > self.file_bytes:
            raise corrupt(what, f"{count} items do not fit into {self.file_bytes} bytes")
        self.left -= size
        if self.left < 0:
            raise corrupt(what, "its parts overlap: reading it would never end")
        return count

    def tables(self, get: Callable[[int], Any], count: int, what: str) -> Iterator[Any]:
        """The tables of a vector."""
        if count > MOST_TABLES:
            raise corrupt(what, f"{count} of them, at most {MOST_TABLES} are read")
        for index in range(self.spend(count, 4, what)):
            with reading(f"{what} {index}"):
                table = get(index)
            if table is None:
                raise corrupt(f"{what} {index}", "it is missing")
            yield table

    def vector(self, table: Any, name: str, what: str) -> npt.NDArray[Any]:
        """The numbers of a vector as a view of the file; empty when the field is absent."""
        with reading(f"{what}, {name}"):
            if getattr(table, f"{name}IsNone")():
                return np.empty(0, np.int64)
            count = getattr(table, f"{name}Length")()
            if count == 0:
                return np.empty(0, np.int64)
            if count > self.file_bytes:
                raise corrupt(what, f"{count} items in {name}, the file is smaller")
            return np.asarray(getattr(table, f"{name}AsNumpy")())

    def integers(self, table: Any, name: str, what: str) -> tuple[int, ...]:
        """The numbers of a short vector as Python integers."""
        numbers = self.vector(table, name, what)
        self.spend(numbers.size, numbers.itemsize, f"{what}, {name}")
        return tuple(int(number) for number in numbers)

    def text(self, table: Any, slot: int, what: str) -> str:
        """A string field; bytes that are not UTF-8 are replaced.

        slot: the field's place in the vtable. The generated reader would cut a string that is
        longer than the file without a word.
        """
        with reading(what):
            fields: Table = table._tab
            position = fields.Offset(slot)
            if position == 0:
                return ""
            position = fields.Indirect(position + fields.Pos)
            count = fields.Get(number_types.UOffsetTFlags, position)
            start = position + number_types.UOffsetTFlags.bytewidth
        if count > LONGEST_NAME_BYTES or start + count > self.file_bytes:
            raise corrupt(what, f"a name of {count} bytes")
        self.spend(count, 1, what)
        return bytes(fields.Bytes[start : start + count]).decode("utf-8", errors="replace")
