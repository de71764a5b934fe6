"""Int8 operators that are pure functions of one byte: a 256-byte table is the whole kernel.

The table is computed when the model is compiled, by the same function that `execute` uses, so
the C result is bit-exact by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from edgetool.errors import UnsupportedOperatorError
from edgetool.program.operator import Argument, Array, KernelCall
from edgetool.program.tensor import Tensor

INT8_CODES = np.arange(-128, 128, dtype=np.int64)

ByteTable = npt.NDArray[np.int8]


def look_up(table: ByteTable, values: Array) -> Array:
    """table[value + 128] of each int8 value."""
    found: ByteTable = table[values.astype(np.int64) + 128]
    return found


def lookup_call(table: ByteTable, out: Tensor) -> KernelCall:
    """The call of lookup_s8 with this table."""
    arguments = (
        Argument("parameters"),
        Argument("input", 0),
        Argument("constant", name="table"),
        Argument("output", 0),
    )
    sizes = {"elements": out.elements}
    return KernelCall("lookup_s8", arguments, sizes, {"table": table}, lead_bytes={0: 0})


def tabulate(
    function: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
    x: Tensor,
    out: Tensor,
) -> ByteTable:
    """function of every int8 code of x as codes of out: float32 steps, halves away from zero.

    Source: LiteRT LUTPopulate<int8_t>; it multiplies by the reciprocal of the output scale.
    """
    real = np.float32(x.scale) * (INT8_CODES - x.zero_point).astype(np.float32)
    scaled = function(real) * (np.float32(1) / np.float32(out.scale))
    rounded = round_half_away_float(scaled) + np.float32(out.zero_point)
    return np.asarray(np.clip(rounded, -128, 127), np.int8)


def round_half_away_float(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The nearest integer, halves away from zero (std::round), exact for every float32."""
    whole = np.trunc(values)
    away = (np.abs(values - whole) >= 0.5).astype(values.dtype)
    return np.asarray(whole + np.copysign(away, values), values.dtype)


def elementwise_call(
    function: str, out: Tensor, parameters: dict[str, int | float] | None = None
) -> KernelCall:
    """function(parameters, in, out) over all elements; further parameters follow `elements`.

    out may be in: both have the same type, or edgetool.program.overlap corrects the lead.
    """
    arguments = (Argument("parameters"), Argument("input", 0), Argument("output", 0))
    numbers = {"elements": out.elements, **(parameters or {})}
    return KernelCall(function, arguments, numbers, lead_bytes={0: 0})


def only_input(inputs: Sequence[Tensor | None]) -> Tensor:
    """The single required input."""
    if inputs[0] is None:
        raise ValueError("input 0 is absent")
    return inputs[0]


def refuse_type(kind: str, tensor: Tensor) -> UnsupportedOperatorError:
    """The error for an element type that an operator has no kernel for."""
    return UnsupportedOperatorError(
        f"tensor '{tensor.name}': {kind} on {tensor.dtype} has no C kernel",
        hints=("use int8 or float32 activations: --precision int8",),
    )
