"""Output tensors out of trtexec --exportOutput."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgetool.errors import ProtocolError
from edgetool.runtimes.tensorrt.records import name_in, read_records

WHAT = "--exportOutput"
DIMENSIONS = re.compile(r"^\d{1,9}(x\d{1,9})*$")
MOST_AXES = 16
MOST_VALUES = 1 << 26


@dataclass(frozen=True)
class OutputTensor:
    """values: row by row, as many as the shape says."""

    name: str
    shape: tuple[int, ...]
    values: tuple[float, ...]


def parse_outputs(data: bytes) -> tuple[OutputTensor, ...]:
    """The outputs of the last inference, in trtexec's order.

    trtexec prints six digits of a float: outputs agree with a reference within 1e-5 of their
    size at best. Raises: ProtocolError.
    """
    tensors = tuple(_tensor(record) for record in read_records(data, WHAT, not_finite=True))
    if not tensors:
        raise ProtocolError(f"trtexec {WHAT} holds no output")
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise ProtocolError(f"trtexec {WHAT} holds an output twice")
    return tensors


def _tensor(record: Mapping[str, Any]) -> OutputTensor:
    name = name_in(record, WHAT)
    shape = _shape(record.get("dimensions"), name)
    values = record.get("values")
    if not isinstance(values, list) or len(values) != math.prod(shape):
        raise ProtocolError(
            f"trtexec {WHAT}: {name} does not hold as many values as its shape says"
        )
    return OutputTensor(name, shape, tuple(_value(value, name) for value in values))


def _shape(text: Any, name: str) -> tuple[int, ...]:
    """trtexec joins dimensions with x: "1x10"."""
    if not isinstance(text, str) or not DIMENSIONS.match(text):
        raise ProtocolError(f"trtexec {WHAT}: {name} has no shape")
    shape = tuple(int(part) for part in text.split("x"))
    if len(shape) > MOST_AXES or math.prod(shape) > MOST_VALUES:
        raise ProtocolError(f"trtexec {WHAT}: {name} is too large: {text[:80]}")
    return shape


def _value(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError(f"trtexec {WHAT}: {name} holds {str(value)[:40]!r}, not a number")
    try:
        return float(value)
    except OverflowError:
        raise ProtocolError(f"trtexec {WHAT}: {name} holds a number of many digits") from None
