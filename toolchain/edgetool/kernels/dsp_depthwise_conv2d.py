"""depthwise_conv2d on cores with the DSP extension (depthwise_conv2d_dsp_s8)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from edgetool.kernels.dsp_depthwise_geometry import GROUP, WORD_BYTES, Geometry, choose_geometry
from edgetool.kernels.epilogue import CONVOLUTION, DEPTHWISE, RECTIFIED, SUMS, choose_epilogue
from edgetool.program.accumulators import Layer, Requantization, requantization, require_types
from edgetool.program.operator import Argument, Array, KernelCall
from edgetool.program.ops.depthwise_conv2d import CHANNEL_AXIS, DepthwiseConv2D
from edgetool.program.overlap import stream_lead, with_lead
from edgetool.program.tensor import Tensor

KINDS = ("depthwise_conv2d",)
TEMPLATE = "depthwise_conv2d_dsp_s8"
SHIFTED_WEIGHTS, SHIFTED_SUMS, ANY = 0, 1, 2
"""EDGE_TAIL_… of edge_dsp_tails.h."""

TAIL_BYTES = 28
CONSTANTS = ("weights", "bias", "multipliers", "shifts")


def call(
    operator: DepthwiseConv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The instance of depthwise_conv2d_dsp_s8 for this geometry, None for other types than int8,
    and for windows so wide that unrolling them is no gain."""
    layer = Layer.of(inputs, outputs[0], CHANNEL_AXIS)
    if require_types(operator.kind, layer) != "int8":
        return None
    geometry = choose_geometry(operator, layer)
    if geometry is None:
        return None
    found = requantization(layer, operator.clamp)
    tail, multipliers, shifts = choose_tail(layer, found)
    defines = _defines(layer, geometry, tail, found.bounds != (-128, 127))
    parameters = {
        "in_rows": geometry.rows.in_size,
        "out_rows": geometry.rows.out_size,
        "pad_top": geometry.rows.pad,
        "strip_rows": geometry.strip_rows(),
        "in_zero_point": layer.x.zero_point,
        "out_zero_point": found.zero_point,
        "out_min": found.bounds[0],
        "out_max": found.bounds[1],
    }
    constants = {
        "weights": layer.stored(_channels_first(layer, geometry)),
        "bias": requantization(layer, operator.clamp, fold=False).bias.astype(np.int32),
        "multipliers": multipliers.astype(np.int32),
        "shifts": shifts.astype(np.int8),
    }
    made = KernelCall(
        f"depthwise_conv2d_{_name(layer, geometry, defines)}_s8",
        (
            Argument("parameters"),
            Argument("input"),
            *(Argument("constant", name=name) for name in CONSTANTS),
            Argument("output"),
            Argument("scratch"),
        ),
        parameters,
        constants,
        _scratch_bytes(layer, geometry),
        template=TEMPLATE,
        defines=defines,
    )
    return _overlapping(made, layer, geometry)


def choose_tail(layer: Layer, found: Requantization) -> tuple[int, Array, Array]:
    """(tail, multipliers, shifts): the cheapest exact way from sums to outputs.

    Weights that come shifted left save a shift of every sum, and rectified outputs the sign.
    """
    short = choose_epilogue(layer, found, DEPTHWISE)
    if short.tail == RECTIFIED:
        return SHIFTED_WEIGHTS, short.multipliers, short.shifts
    wide = choose_epilogue(layer, found, CONVOLUTION)
    return ANY if wide.tail == SUMS else SHIFTED_SUMS, wide.multipliers, wide.shifts


def _defines(layer: Layer, geometry: Geometry, tail: int, is_clamped: bool) -> dict[str, int]:
    rows, columns = geometry.rows, geometry.columns
    return {
        "EDGE_IN_COLUMNS": geometry.in_columns,
        "EDGE_OUT_COLUMNS": columns.out_size,
        "EDGE_KERNEL_ROWS": rows.kernel,
        "EDGE_KERNEL_COLUMNS": columns.kernel,
        "EDGE_STRIDE_ROWS": rows.stride,
        "EDGE_STRIDE_COLUMNS": columns.stride,
        "EDGE_DILATION_ROWS": rows.dilation,
        "EDGE_DILATION_COLUMNS": columns.dilation,
        "EDGE_PAD_LEFT": columns.pad,
        "EDGE_IN_ROW_STEP": rows.steps[0],
        "EDGE_IN_COLUMN_STEP": columns.steps[0],
        "EDGE_OUT_ROW_STEP": rows.steps[1],
        "EDGE_OUT_COLUMN_STEP": columns.steps[1],
        "EDGE_CHANNELS": layer.x.shape[3],
        "EDGE_MULTIPLIER": layer.channels // layer.x.shape[3],
        "EDGE_PLANE_ROWS": rows.reach(geometry.strip_rows()),
        "EDGE_PITCH": geometry.pitch,
        "EDGE_MARGIN": geometry.margin,
        "EDGE_BLOCK": geometry.block,
        "EDGE_UNROLLED_ROWS": geometry.unrolled_rows,
        "EDGE_WEIGHT_BITS": 4 if layer.is_packed else 8,
        "EDGE_TAIL": tail,
        "EDGE_CLAMPS": int(is_clamped),
        "EDGE_IS_PREPARED": 0,
    }


def _name(layer: Layer, geometry: Geometry, defines: dict[str, int]) -> str:
    """Kernel, width and channels for the reader, and a digest of all that makes it unique."""
    text = ",".join(f"{name}={value}" for name, value in defines.items())
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    height, width = layer.weights.shape[1:3]
    return f"{height}x{width}_{geometry.columns.out_size}x{layer.channels}_{digest}"


def _channels_first(layer: Layer, geometry: Geometry) -> Array:
    """The weights (C, kernel rows, kernel columns) in the geometry's order of axes."""
    planar = layer.weight_data[0].transpose(2, 0, 1)
    return np.ascontiguousarray(planar.transpose(0, 2, 1) if geometry.exchanged else planar)


def _scratch_bytes(layer: Layer, geometry: Geometry) -> int:
    """One channel's constants and the planes of 4 channels."""
    words = geometry.rows.reach(geometry.strip_rows()) * geometry.pitch
    planes = min(layer.x.shape[3], GROUP) * words
    return constants_bytes(geometry.rows.kernel, geometry.columns.kernel) + WORD_BYTES * planes


def constants_bytes(rows: int, columns: int) -> int:
    """What one channel's constants take in scratch, for a kernel of rows and columns of planes."""
    return TAIL_BYTES + WORD_BYTES * rows * max(1, columns - 1)


def _overlapping(call: KernelCall, layer: Layer, geometry: Geometry) -> KernelCall:
    """The call with what its output may overwrite: a channel only itself, once planes hold it."""
    x, output, rows = layer.x.shape, layer.output.shape, geometry.rows
    if x[3] != output[3]:
        return call
    if geometry.strip_rows() == rows.out_size:
        return with_lead(call, 0, multiple=x[3])
    if not geometry.exchanged:
        strip = geometry.strip_rows()
        lead = stream_lead(x, output, rows.stride, rows.covered, rows.pad, strip)
        return with_lead(call, lead, multiple=x[3])
    is_same = x == output and rows.stride == 1 and rows.pad < rows.covered
    return with_lead(call, 0, multiple=x[2] * x[3]) if is_same else call
