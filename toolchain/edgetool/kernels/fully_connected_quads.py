"""fully_connected_quads_s8: four outputs at a time.

LiteRT multiplies sums by a double and rounds once, halves away from zero; the short forms do that
where they are shown to step at the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.kernels.short_scaling import ChooseScaling, long_scaling
from edgetool.kernels.sum_bounds import sum_bounds
from edgetool.program.accumulators import REAL, Layer, requantization
from edgetool.program.operator import Argument, Array, KernelCall
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.tensor import Tensor

KINDS = frozenset({"fully_connected"})
OUTPUTS = 4


def call(
    operator: FullyConnected, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None for other types than int8, narrower clamps and where no form is exact."""
    return quads_call(operator, inputs, outputs, long_scaling)


def quads_call(
    operator: FullyConnected,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    choose: ChooseScaling,
) -> KernelCall | None:
    """The call with a core's short form."""
    layer = Layer.of(inputs, outputs[0])
    general = operator.kernel(inputs, outputs)
    if general is None or general.function != "fully_connected_s8":
        return None
    found = requantization(layer, operator.clamp, REAL)
    low, high = sum_bounds(layer, found.bias)
    scaling = choose(found, np.maximum(np.maximum(-low, high), 1))
    if scaling is None:
        return None
    constants: dict[str, Array] = {
        "weights": in_quads(layer.weight_data),
        "bias": found.bias.astype(np.int32),
        "multipliers": scaling.multipliers.astype(np.int32),
        "shifts": scaling.shifts.astype(np.int8),
    }
    sizes = {name: general.parameters[name] for name in ("rows", "in_size", "out_size")}
    form = {"tail": scaling.tail, "split": scaling.split, "limit": scaling.limit}
    return KernelCall(
        "fully_connected_quads_s8",
        (
            Argument("parameters"),
            Argument("input"),
            *(Argument("constant", name=name) for name in constants),
            Argument("output"),
        ),
        {**sizes, "out_zero_point": found.zero_point, **form},
        constants,
        lead_bytes=general.lead_bytes,
    )


def in_quads(weights: Array) -> Array:
    """weights (O, K) + 128: of each four outputs (K, 4), of those left over (K,); flat, int8."""
    whole = weights.shape[0] // OUTPUTS * OUTPUTS
    quads = weights[:whole].reshape(-1, OUTPUTS, weights.shape[1]).transpose(0, 2, 1)
    return np.concatenate([quads.ravel(), weights[whole:].ravel()]) ^ np.int8(-128)
