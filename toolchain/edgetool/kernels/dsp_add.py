"""add of equal shapes on cores with the DSP extension (add_dsp_s8)."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.epilogue import MAX_ZERO_POINT_SHIFT
from edgetool.program.elementwise import add_parameters, required
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.add import Add
from edgetool.program.overlap import elementwise_leads
from edgetool.program.tensor import Tensor

KINDS = ("add",)


def call(
    operator: Add, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """add_dsp_s8, or None for broadcasts, floats and outputs that are hardly scaled down.

    The operand of the larger scale comes first: its factor is exactly one half.
    """
    (a, b), out = required(inputs), outputs[0]
    if {a.dtype, b.dtype, out.dtype} != {"int8"} or not a.shape == b.shape == out.shape:
        return None
    first, second = (0, 1) if a.scale >= b.scale else (1, 0)
    numbers = add_parameters((a, b)[first], (a, b)[second], out, operator.clamp)
    if not 1 <= -numbers["out_shift"] <= MAX_ZERO_POINT_SHIFT:
        return None
    parameters = {
        "count": out.elements,
        "a_zero_point": numbers["a_zero_point"],
        "b_zero_point": numbers["b_zero_point"],
        "b_multiplier": numbers["b_multiplier"],
        "b_shift": -numbers["b_shift"],
        "out_zero_point": numbers["out_zero_point"],
        "out_multiplier": numbers["out_multiplier"],
        "out_shift": -numbers["out_shift"],
        "low": numbers["low"],
        "high": numbers["high"],
    }
    arguments = (
        Argument("parameters"),
        Argument("input", first),
        Argument("input", second),
        Argument("output"),
    )
    return elementwise_leads(KernelCall("add_dsp_s8", arguments, parameters), inputs, out)
