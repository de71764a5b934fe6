"""fully_connected on cores with Helium: 4 outputs at once (fully_connected_mve_s8)."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.mve_conv2d import MIN_SCRATCH
from edgetool.kernels.mve_packing import pack_groups, padded_depth
from edgetool.kernels.precise_scaling import find_scaling
from edgetool.kernels.sum_bounds import sum_bounds
from edgetool.program.accumulators import REAL, Layer, requantization, require_types
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.tensor import Tensor

KINDS = ("fully_connected",)
ROWS = 2  # at once
ARGUMENTS = (
    Argument("parameters"),
    Argument("input"),
    Argument("constant", name="weights"),
    Argument("output"),
    Argument("scratch"),
)


def call(
    operator: FullyConnected, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """fully_connected_mve_s8, or None for floats and factors without a scaling in integers."""
    layer = Layer.of(inputs, outputs[0])
    if require_types(operator.kind, layer) != "int8":
        return None
    found = requantization(layer, operator.clamp, REAL)
    scaling = find_scaling(found, *sum_bounds(layer, found.bias))
    if scaling is None:
        return None
    out_size, in_size = layer.weights.shape
    depth = padded_depth(in_size, 0.0)
    rows = layer.x.elements // in_size
    parameters = {
        "rows": rows,
        "in_size": in_size,
        "out_size": out_size,
        "depth": depth,
        "left_shift": scaling.left,
        "out_zero_point": found.zero_point,
        "out_min": found.bounds[0],
        "out_max": found.bounds[1],
    }
    scales = (found.bias, scaling.multipliers, scaling.shifts)
    return KernelCall(
        "fully_connected_mve_s8",
        ARGUMENTS,
        parameters,
        {"weights": pack_groups(layer.weight_data, depth, scales)},
        depth if depth > in_size else MIN_SCRATCH,
        {0: lead_bytes(rows, in_size, out_size)},
    )


def lead_bytes(rows: int, in_size: int, out_size: int) -> int:
    """The outputs of two rows are written while these rows are read."""
    return max(min(row + ROWS, rows) * out_size - row * in_size for row in range(0, rows, ROWS))
