"""conv2d on cores with Helium: 2 pixels times 4 channels at once (conv2d_mve_s8)."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.mve_packing import choose_tail, pack_groups
from edgetool.program.accumulators import Layer, requantization, require_types
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor
from edgetool.program.windows import image_parameters

KINDS = ("conv2d",)
PIXELS = 2
MIN_SCRATCH = 4  # also kernels that copy nothing take a pointer
ARGUMENTS = (
    Argument("parameters"),
    Argument("input"),
    Argument("constant", name="weights"),
    Argument("output"),
    Argument("scratch"),
)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """conv2d_mve_s8, or None for groups and floats."""
    layer = Layer.of(inputs, outputs[0])
    if operator.groups > 1 or require_types(operator.kind, layer) != "int8":
        return None
    found = requantization(layer, operator.clamp)
    parameters = {
        **image_parameters(layer.x.shape, layer.output.shape, layer.weights.shape[1:3]),
        "stride_height": operator.stride[0],
        "stride_width": operator.stride[1],
        "dilation_height": operator.dilation[0],
        "dilation_width": operator.dilation[1],
        "pad_top": operator.padding[0],
        "pad_left": operator.padding[1],
        "in_zero_point": layer.x.zero_point,
        "out_zero_point": found.zero_point,
        "out_min": found.bounds[0],
        "out_max": found.bounds[1],
        "tail": choose_tail(found),
    }
    packed = pack_groups(layer.weight_data.reshape(layer.channels, -1), found)
    scratch = scratch_bytes(operator, layer)
    return KernelCall("conv2d_mve_s8", ARGUMENTS, parameters, {"weights": packed}, scratch)


def scratch_bytes(operator: Conv2D, layer: Layer) -> int:
    """The taps of 2 pixels, unless the input holds them side by side already."""
    taps = layer.weights.elements // layer.channels
    is_pointwise = layer.weights.shape[1:3] == (1, 1) and operator.stride == (1, 1)
    if is_pointwise and not any(operator.padding):
        return MIN_SCRATCH
    return PIXELS * taps
