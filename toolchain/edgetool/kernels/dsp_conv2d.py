"""conv2d on cores with the DSP extension: 3 pixels times 2 channels at once (conv2d_dsp_s8)."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.dsp_packing import (
    GROUP,
    UInt32Array,
    can_pack,
    order_taps,
    pack_pairs,
)
from edgetool.kernels.epilogue import choose_convolution_epilogue, largest_sums
from edgetool.program.accumulators import (
    Layer,
    Requantization,
    requantization,
    require_types,
)
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.overlap import window_lead
from edgetool.program.tensor import Tensor
from edgetool.program.windows import extent, image_parameters

KINDS = ("conv2d",)
PIXELS = 3
LARGEST_PADDED = 1024  # bytes
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
    """conv2d_dsp_s8, or None for groups, floats, and weights or sums that do not pair."""
    layer = Layer.of(inputs, outputs[0])
    if not suits(operator, layer):
        return None
    found = requantization(layer, operator.clamp)
    weights = order_taps(layer.weight_data)
    if not can_pack(weights, largest_sums(layer, found)):
        return None
    epilogue = choose_convolution_epilogue(layer, found)
    packed = pack_pairs(weights, found.bias, epilogue)
    return blocks_call("conv2d_dsp_s8", operator, layer, found, epilogue.tail, packed)


def suits(operator: Conv2D, layer: Layer) -> bool:
    """Whether edge_dsp_conv2d serves the layer: int8, one group, sizes within int16."""
    sizes = (
        *layer.x.shape,
        *layer.output.shape,
        *layer.weights.shape,
        *operator.stride,
        *operator.dilation,
        *operator.padding,
    )
    is_int8 = require_types(operator.kind, layer) == "int8"
    return is_int8 and operator.groups == 1 and max(sizes) < 1 << 15


def blocks_call(
    function: str,
    operator: Conv2D,
    layer: Layer,
    found: Requantization,
    tail: int,
    weights: UInt32Array,
) -> KernelCall:
    """The call of a kernel that is edge_dsp_conv2d with products of its own."""
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
        "tail": tail,
        "is_padded": int(padded_bytes(operator, layer) > 0),
    }
    return KernelCall(
        function,
        ARGUMENTS,
        parameters,
        {"weights": weights},
        padded_bytes(operator, layer) + scratch_bytes(layer),
        {0: lead_bytes(operator, layer)},
        parameter_bytes=2,
    )


def padded_bytes(operator: Conv2D, layer: Layer) -> int:
    """Of the padded copy of a small image whose channels fill no words, rounded up to words: its
    windows at the border would be put together byte by byte. 0 for all others."""
    _, height, width, channels = layer.x.shape
    kernel = layer.weights.shape[1], layer.weights.shape[2]
    covered = [
        (size - 1) * stride + reach
        for size, stride, reach in zip(
            layer.output.shape[1:3], operator.stride, extent(kernel, operator.dilation), strict=True
        )
    ]
    size = _whole_words(covered[0] * covered[1] * channels)
    reaches_out = any(operator.padding[:2]) or covered[0] > height or covered[1] > width
    return size if channels % GROUP and reaches_out and size <= LARGEST_PADDED else 0


def scratch_bytes(layer: Layer) -> int:
    """Columns of 3 pixels; a row of the kernel, or taps of 3 pixels where channels fill no words
    and what their rows have over whole words; 3 pixels of output."""
    _, height, width, channels = layer.weights.shape
    run = width * channels
    depth = _whole_words(height * run)
    rests = _whole_words(height * (run % GROUP))
    staged = PIXELS * (depth + rests) if channels % GROUP else run
    even = layer.channels + layer.channels % 2
    return 2 * PIXELS * depth + staged + (not _is_direct(layer)) * PIXELS * even


def lead_bytes(operator: Conv2D, layer: Layer) -> int:
    """How far the input may lie behind the output: blocks are read before they are written, but
    the last block makes pixels again where they are no multiple of 3. A padded copy is made before
    anything is written."""
    if padded_bytes(operator, layer):
        return 0
    again = -_pixels(layer) % PIXELS if _is_direct(layer) else 0
    return window_lead(
        layer.x.shape, layer.output.shape, operator.stride, operator.padding[:2], again
    )


def _whole_words(taps: int) -> int:
    return -(-taps // GROUP) * GROUP


def _is_direct(layer: Layer) -> bool:
    return layer.channels % 2 == 0 and _pixels(layer) >= PIXELS


def _pixels(layer: Layer) -> int:
    return layer.output.elements // layer.channels
