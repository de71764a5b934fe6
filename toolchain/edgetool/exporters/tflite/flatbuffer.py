"""The TFLite schema's tables as calls: a thin layer over the generated `tflite` package.

Source: tensorflow/lite/schema/schema.fbs, version 3. Children are written before parents, as
flatbuffers demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

BUFFER_ALIGNMENT = 16  # schema.fbs: "data:[ubyte] (force_align: 16)"
FILE_IDENTIFIER = b"TFL3"


class Writer:
    """One flatbuffer being written."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)

    def table(self, name: str, **fields: Any) -> int:
        """A table of the schema; fields by their schema names in CamelCase, None left out."""
        getattr(tflite, f"{name}Start")(self.builder)
        for field, value in fields.items():
            if value is not None:
                getattr(tflite, f"{name}Add{field}")(self.builder, value)
        return int(getattr(tflite, f"{name}End")(self.builder))

    def string(self, text: str) -> int:
        """A UTF-8 string."""
        return int(self.builder.CreateString(text))

    def numbers(self, values: Sequence[float] | npt.NDArray[Any], dtype: str) -> int:
        """A vector of numbers of one type."""
        return int(self.builder.CreateNumpyVector(np.asarray(values, np.dtype(dtype))))

    def offsets(self, children: Sequence[int]) -> int:
        """A vector of tables."""
        self.builder.StartVector(4, len(children), 4)
        for child in reversed(children):
            self.builder.PrependUOffsetTRelative(child)
        return int(self.builder.EndVector())

    def data(self, contents: bytes) -> int:
        """A byte vector aligned for tensor contents."""
        self.builder.StartVector(1, len(contents), BUFFER_ALIGNMENT)
        self.builder.head -= len(contents)
        self.builder.Bytes[self.builder.head : self.builder.head + len(contents)] = contents
        return int(self.builder.EndVector())

    def finish(self, root: int) -> bytes:
        """The file's bytes."""
        self.builder.Finish(root, FILE_IDENTIFIER)
        return bytes(self.builder.Output())
