"""fully_connected_quads_s8: four outputs at a time, requantized by the upper word of a product.

LiteRT multiplies sums by a double and rounds once, halves away from zero. The short form of
convolutions does that where it is told so and steps at the same sums, which is compared:

    y + zero point = ((sum << s) * M / 2**32 + 2**15 + zero point * 2**16 - [sum < 0]) >> 16
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgetool.kernels.bounded_layers import Scaling, tail_of
from edgetool.kernels.output_steps import FULL, OutputSteps
from edgetool.kernels.sum_bounds import sum_bounds
from edgetool.program.accumulators import REAL, Layer, Requantization, requantization
from edgetool.program.arithmetic import Int64Array, quantize_multipliers
from edgetool.program.operator import Argument, Array, KernelCall
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.tensor import Tensor

KINDS = frozenset({"fully_connected"})
OUTPUTS = 4
LEFT = 17  # less LiteRT's right shift: what sums are shifted left by
LEFT_SHIFTS = (2, 15)

ChooseOnce = Callable[[Requantization, Int64Array], Scaling | None]
"""A core's short form for sums within ±largest (O,); None where it is not exact."""


def call(
    operator: FullyConnected, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None for other types than int8, narrower clamps and where no form is exact."""
    return quads_call(operator, inputs, outputs, long_scaling_once)


def quads_call(
    operator: FullyConnected,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    choose: ChooseOnce,
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


def long_scaling_once(found: Requantization, largest: Int64Array) -> Scaling | None:
    """By the upper word of one product of 64 bits."""
    if found.bounds != FULL:
        return None
    multipliers, shifts = (
        np.broadcast_to(array, largest.shape).astype(np.int64)
        for array in quantize_multipliers(found.factors)
    )
    left = np.where(multipliers == 0, LEFT_SHIFTS[0], LEFT + shifts)
    is_small = largest < 1 << (31 - np.clip(left, 0, 31))
    if left.min() < LEFT_SHIFTS[0] or left.max() > LEFT_SHIFTS[1] or not is_small.all():
        return None
    addend = (2 * found.zero_point + 1) << 15

    def output(sums: Int64Array) -> Int64Array:
        high = ((sums << left[:, None]) * multipliers[:, None]) >> 32
        return np.asarray((high + addend - (sums < 0)) >> 16)

    if not OutputSteps.of(found, largest).are_those_of(output).all():
        return None
    return Scaling(tail_of(found), multipliers, left)
