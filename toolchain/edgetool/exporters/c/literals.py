"""NumPy values as C initialisers, exact and always the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import ModelError

C_TYPES = {
    "bool": "uint8_t",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "uint64": "uint64_t",
    "float32": "float",
}
LINE = 96


def float_literal(value: float) -> str:
    """A float constant that reads back as the same float32."""
    if math.isnan(value):
        raise ModelError("a constant is not a number (NaN)")
    if math.isinf(value):
        return "EDGE_INFINITY" if value > 0 else "-EDGE_INFINITY"
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def integer_literal(value: int) -> str:
    """An integer constant; the most negative ones have no literal of their own in C."""
    if value == -(2**31):
        return "(-2147483647 - 1)"
    if value == -(2**63):
        return "(-9223372036854775807LL - 1)"
    if value >= 2**63:
        return f"{value}ULL"
    return f"{value}LL" if abs(value) >= 2**31 else str(value)


def parameter_literal(value: int | float | tuple[int, ...]) -> str:
    """A field of a kernel's parameters."""
    if isinstance(value, tuple):
        return "{" + ", ".join(integer_literal(int(item)) for item in value) + "}"
    return float_literal(value) if isinstance(value, float) else integer_literal(int(value))


def wrap(words: Sequence[str], separator: str, indent: str) -> str:
    """words joined by separator, in lines of at most 100 columns; all but the first indented."""
    lines = [""]
    for index, word in enumerate(words):
        last = index == len(words) - 1
        text = word if last else f"{word}{separator}"
        if lines[-1] and len(indent) + len(lines[-1]) + len(text) + 1 > LINE:
            lines.append("")
        lines[-1] += f" {text}" if lines[-1] else text
    return f"\n{indent}".join(lines)


def array_literal(data: npt.NDArray[Any]) -> str:
    """The elements in order between braces."""
    if data.dtype == np.float32:
        words = [float_literal(float(value)) for value in data.ravel()]
    else:
        words = [integer_literal(int(value)) for value in data.ravel()]
    return "{\n    " + wrap(words, ",", "    ") + ",\n}"
