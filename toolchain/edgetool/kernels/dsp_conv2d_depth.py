"""conv2d on cores with the DSP extension, code made for the layer's depth (conv2d_dsp_depth_s8)."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels import dsp_conv2d
from edgetool.kernels.dot_passes import for_one_depth
from edgetool.program.accumulators import Layer
from edgetool.program.operator import KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

KINDS = ("conv2d",)
OPTIMIZE = ("balanced", "speed")


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call of dsp_conv2d with a function for its depth, None where that saves little."""
    made = dsp_conv2d.call(operator, inputs, outputs)
    layer = Layer.of(inputs, outputs[0])
    return None if made is None else for_one_depth(made, layer, is_wide=False)
