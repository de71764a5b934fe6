"""conv2d on cores with the DSP extension, weights as int16 in flash (conv2d_dsp_wide_s8).

Weights are stored multiplied by what the requantization would shift their sums by: twice the
flash, no widening and no shifts at run time.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.dsp_conv2d import blocks_call, suits
from edgetool.kernels.dsp_packing import fits_wide, order_taps, pack_wide_pairs
from edgetool.kernels.epilogue import CONVOLUTION_RECTIFIED, SUMS, choose_epilogue
from edgetool.program.accumulators import Layer, requantization
from edgetool.program.operator import KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

KINDS = ("conv2d",)
OPTIMIZE = ("speed",)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """conv2d_dsp_wide_s8, or None for groups, floats, and multipliers or sums out of its range."""
    layer = Layer.of(inputs, outputs[0])
    if not suits(operator, layer):
        return None
    found = requantization(layer, operator.clamp)
    epilogue = choose_epilogue(layer, found, CONVOLUTION_RECTIFIED)
    weights = order_taps(layer.weight_data)
    if epilogue.tail == SUMS or not fits_wide(weights, epilogue):
        return None
    packed = pack_wide_pairs(weights, found.bias, epilogue)
    return blocks_call("conv2d_dsp_wide_s8", operator, layer, found, epilogue.tail, packed)
