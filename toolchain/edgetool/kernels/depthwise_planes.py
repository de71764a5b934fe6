"""depthwise_conv2d_planes_s8: one channel's padded plane at a time, in cells of one byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetool.kernels.bounded_layers import (
    Parameters,
    bounded_layer,
    round_up,
)
from edgetool.kernels.short_scaling import ChooseScaling, long_scaling
from edgetool.program.accumulators import Layer
from edgetool.program.operator import KernelCall
from edgetool.program.ops.depthwise_conv2d import CHANNEL_AXIS, DepthwiseConv2D
from edgetool.program.overlap import strip_lead, with_lead
from edgetool.program.tensor import Tensor

KINDS = frozenset({"depthwise_conv2d"})
COLUMNS = 4
CELL_BYTES, PLANE_BYTES = 1, 1024
"""A plane takes more than PLANE_BYTES only where one output row needs more."""


def call(
    operator: DepthwiseConv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None for other types than int8 and sums that may be large."""
    return planes_call(operator, inputs, outputs, CELL_BYTES, PLANE_BYTES)


def planes_call(
    operator: DepthwiseConv2D,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    cell_bytes: int,
    plane_bytes: int,
    scaling: ChooseScaling = long_scaling,
) -> KernelCall | None:
    """The call for planes of cells of cell_bytes."""
    layer = Layer.of(inputs, outputs[0], CHANNEL_AXIS)
    found = bounded_layer(layer, operator.clamp, scaling)
    if found is None:
        return None
    axes = _axes(operator, layer)
    weights = layer.weight_data[0].transpose(2, 0, 1)
    if axes[0].out_size > axes[1].out_size:  # blocks of columns waste least on the longer axis
        axes, weights = axes[::-1], weights.transpose(0, 2, 1)
    rows, columns = axes
    width = columns.cells(round_up(columns.out_size, COLUMNS))
    fitting = plane_bytes // (cell_bytes * width)
    strip_rows = next((n for n in range(rows.out_size, 1, -1) if rows.cells(n) <= fitting), 1)
    scratch = cell_bytes * width * rows.cells(strip_rows)
    parameters = _parameters(layer, rows, columns, strip_rows, width)
    call = found.call(
        "depthwise_conv2d_planes_s8", parameters, np.ascontiguousarray(weights), scratch
    )
    is_whole, is_upright = strip_rows == rows.out_size, rows.steps[0] >= columns.steps[0]
    if layer.x.shape[3] != layer.channels or not (is_whole or is_upright):
        return call
    lead = 0
    if not is_whole:
        shapes = layer.x.shape, layer.output.shape
        lead = strip_lead(*shapes, rows.stride, rows.pad, strip_rows)
    return with_lead(call, lead, multiple=layer.channels)


@dataclass(frozen=True)
class _Axis:
    """Height or width. steps: elements between neighbours in the input and in the output."""

    in_size: int
    out_size: int
    kernel: int
    stride: int
    dilation: int
    pad: int
    steps: tuple[int, int]

    def cells(self, outputs: int) -> int:
        """What that many neighbouring outputs read."""
        return (outputs - 1) * self.stride + (self.kernel - 1) * self.dilation + 1


def _axes(operator: DepthwiseConv2D, layer: Layer) -> tuple[_Axis, _Axis]:
    x, output = layer.x.shape, layer.output.shape
    steps = ((x[2] * x[3], output[2] * output[3]), (x[3], output[3]))
    rows, columns = (
        _Axis(
            x[1 + axis],
            output[1 + axis],
            layer.weights.shape[1 + axis],
            operator.stride[axis],
            operator.dilation[axis],
            operator.padding[axis],
            steps[axis],
        )
        for axis in (0, 1)
    )
    return rows, columns


def _parameters(
    layer: Layer, rows: _Axis, columns: _Axis, strip_rows: int, width: int
) -> Parameters:
    return {
        "in_height": rows.in_size,
        "in_width": columns.in_size,
        "in_channels": layer.x.shape[3],
        "out_height": rows.out_size,
        "out_width": columns.out_size,
        "out_channels": layer.output.shape[3],
        "kernel_height": rows.kernel,
        "kernel_width": columns.kernel,
        "stride_height": rows.stride,
        "stride_width": columns.stride,
        "dilation_height": rows.dilation,
        "dilation_width": columns.dilation,
        "pad_top": rows.pad,
        "pad_left": columns.pad,
        "in_zero_point": layer.x.zero_point,
        "in_row_step": rows.steps[0],
        "in_column_step": columns.steps[0],
        "out_row_step": rows.steps[1],
        "out_column_step": columns.steps[1],
        "strip_rows": strip_rows,
        "plane_width": width,
    }
