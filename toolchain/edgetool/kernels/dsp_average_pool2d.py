"""average_pool2d over the whole image on cores with the DSP extension (average_pool2d_dsp_s8)."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.program.lookup import only_input
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.average_pool2d import AveragePool2D
from edgetool.program.overlap import with_lead
from edgetool.program.tensor import Tensor

KINDS = ("average_pool2d",)
WORD = 4
MAX_PIXELS = 1 << 23


def call(
    operator: AveragePool2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """average_pool2d_dsp_s8, or None for smaller windows, floats and unaligned channels."""
    x, out = only_input(inputs), outputs[0]
    height, width, channels = x.shape[1:]
    is_whole = operator.window == (height, width) and not any(operator.padding)
    if out.dtype != "int8" or not is_whole or channels % WORD or out.elements != channels:
        return None
    if height * width > MAX_PIXELS:
        return None
    low, high = operator.clamp.integer_bounds(out)
    parameters = {"pixels": height * width, "channels": channels, "low": low, "high": high}
    arguments = (Argument("parameters"), Argument("input"), Argument("output"))
    return with_lead(KernelCall("average_pool2d_dsp_s8", arguments, parameters), 0)
