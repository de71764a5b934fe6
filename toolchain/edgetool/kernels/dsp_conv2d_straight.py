"""conv2d with int16 weights whose code runs straight through the depth, on cores with the DSP
extension and code memory that does not wait."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels import dsp_conv2d_wide
from edgetool.kernels.dot_passes import STRAIGHT, for_one_depth
from edgetool.program.accumulators import Layer
from edgetool.program.operator import KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

KINDS = ("conv2d",)
OPTIMIZE = ("speed",)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call of dsp_conv2d_wide with such a function, None where that saves little."""
    made = dsp_conv2d_wide.call(operator, inputs, outputs)
    layer = Layer.of(inputs, outputs[0])
    return None if made is None else for_one_depth(made, layer, is_wide=True, unrolled=STRAIGHT)
