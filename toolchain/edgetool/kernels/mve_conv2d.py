"""conv2d on cores with Helium: 2 pixels times 4 channels at once (conv2d_mve_s8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetool.kernels.mve_packing import (
    VECTOR,
    Array,
    choose_tail,
    double_rounding,
    pack_groups,
    padded_depth,
)
from edgetool.program.accumulators import Layer, requantization, require_types
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.overlap import window_lead
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


@dataclass(frozen=True)
class Spending:
    """What a convolution may take for fewer instructions.

    strip_bytes: of scratch for windows side by side, unless two pixels need more.
    growth: of its weights by zeros that fill vectors, in parts of their size.
    """

    strip_bytes: int
    growth: float


BALANCED = Spending(1024, 0.25)
OPTIMIZE = ("balanced",)  # the others: mve_conv2d_speed, mve_conv2d_size


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """conv2d_mve_s8, or None for groups and floats."""
    return make_call(operator, inputs, outputs, BALANCED)


def make_call(
    operator: Conv2D,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    spending: Spending,
) -> KernelCall | None:
    """The call within what may be spent; None as in `call`."""
    layer = Layer.of(inputs, outputs[0])
    if operator.groups > 1 or require_types(operator.kind, layer) != "int8":
        return None
    found = requantization(layer, operator.clamp)
    depth = padded_depth(layer.weights.elements // layer.channels, spending.growth)
    strip = Strip.of(operator, layer)
    in_place = is_in_place(operator, layer, depth)
    run = 0 if in_place else strip.longest_run(layer.output.shape[2], spending.strip_bytes)
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
        "depth": depth,
        "tail": choose_tail(found),
        "run": run,
    }
    return KernelCall(
        "conv2d_mve_s8",
        ARGUMENTS,
        parameters,
        {"weights": pack_groups(by_columns(layer.weight_data), depth, double_rounding(found))},
        MIN_SCRATCH if in_place else strip.scratch_bytes(run) + VECTOR,
        {0: lead_bytes(operator, layer, in_place)},
    )


def by_columns(weights: Array) -> Array:
    """int8 (O, kh, kw, C) as (O, kw * kh * C): the order of a strip."""
    return weights.transpose(0, 2, 1, 3).reshape(len(weights), -1)


@dataclass(frozen=True)
class Strip:
    """Windows of a row's pixels side by side in scratch, column by column.

    column_bytes: of one column of taps.   columns: of a window.   step: columns from a window to
    the next; fewer than a window has where windows overlap.
    """

    column_bytes: int
    columns: int
    step: int

    @classmethod
    def of(cls, operator: Conv2D, layer: Layer) -> Strip:
        """The strip of a layer, windows apart where stride or dilation leaves nothing to share."""
        height, width = layer.weights.shape[1:3]
        is_shared = operator.dilation[1] == 1 and operator.stride[1] < width
        step = operator.stride[1] if is_shared else width
        return cls(height * layer.x.shape[3], width, step)

    def scratch_bytes(self, pixels: int) -> int:
        """What the windows of some pixels take."""
        return ((pixels - 1) * self.step + self.columns) * self.column_bytes

    def longest_run(self, out_width: int, strip_bytes: int) -> int:
        """Pixels at once: an even share of a row that fits, at least two."""
        runs = 1
        while True:
            share = -(-out_width // runs)
            run = min(out_width, share + share % PIXELS)
            if run <= PIXELS or self.scratch_bytes(run) <= strip_bytes:
                return run
            runs += 1


def is_in_place(operator: Conv2D, layer: Layer, depth: int) -> bool:
    """Whether windows lie side by side in the input already, without pads and added zeros."""
    height, width = layer.weights.shape[1:3]
    is_dense = height == 1 and (width == 1 or operator.dilation[1] == 1)
    out_height, out_width = layer.output.shape[1:3]
    is_inside = (out_height - 1) * operator.stride[0] < layer.x.shape[1] and (
        out_width - 1
    ) * operator.stride[1] + width <= layer.x.shape[2]
    is_whole = depth == width * layer.x.shape[3]
    return is_dense and is_inside and is_whole and not any(operator.padding[:2])


def lead_bytes(operator: Conv2D, layer: Layer, in_place: bool) -> int:
    """Staged windows are read before their run is written; two pixels in place meanwhile."""
    pads = (operator.padding[0], operator.padding[1])
    pixels = PIXELS if in_place else 0
    return window_lead(layer.x.shape, layer.output.shape, operator.stride, pads, pixels)
