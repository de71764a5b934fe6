"""The constant arrays of a generated model, each emitted once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.exporters.c.literals import C_TYPES, array_literal
from edgetool.exporters.c.names import UniqueNames, c_identifier

BYTE_ALIGNMENT = 4  # kernels read weights of one byte a word at a time


@dataclass
class Constants:
    """Arrays by C name in the order of first use; equal contents share one array."""

    prefix: str
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    names: UniqueNames = field(default_factory=UniqueNames)
    _known: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def add(self, name: str, data: npt.NDArray[Any]) -> str:
        """The C name of the array with these contents."""
        data = np.ascontiguousarray(data)
        key = (str(data.dtype), data.tobytes())
        if key not in self._known:
            self._known[key] = self.names.take(f"{self.prefix}_{c_identifier(name)}")
            self.arrays[self._known[key]] = data
        return self._known[key]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, padding between them not counted."""
        return sum(data.nbytes for data in self.arrays.values())

    def header(self) -> str:
        """The declarations, without an include guard."""
        lines = [f"extern {_declaration(name, data)};" for name, data in self.arrays.items()]
        return "\n".join(lines)

    def source(self) -> str:
        """The definitions."""
        return "\n\n".join(
            f"{_declaration(name, data)} = {array_literal(data)};"
            for name, data in self.arrays.items()
        )


def _declaration(name: str, data: npt.NDArray[Any]) -> str:
    aligned = f" EDGE_ALIGNED({BYTE_ALIGNMENT})" if data.itemsize == 1 else ""
    return f"const {C_TYPES[str(data.dtype)]} {name}[{data.size}]{aligned}"
