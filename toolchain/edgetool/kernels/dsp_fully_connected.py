"""fully_connected on cores with the DSP extension (fully_connected_dsp_s8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgetool.kernels.dsp_packing import GROUP, can_pack, pair_words
from edgetool.kernels.epilogue import largest_sums
from edgetool.kernels.single_rounding import find_steps
from edgetool.program.accumulators import REAL, Layer, requantization, require_types
from edgetool.program.operator import Argument, Array, KernelCall
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.overlap import ordered_lead, with_lead
from edgetool.program.tensor import Tensor

KINDS = ("fully_connected",)
OUTPUTS = 4
CONSTANTS = ("weights", "bias", "multipliers", "addends", "shifts")


def call(
    operator: FullyConnected, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """fully_connected_dsp_s8, or None for other types than int8, 4-bit weights, weights or sums
    that do not pair, and factors that no short sequence is proven to round right."""
    layer = Layer.of(inputs, outputs[0])
    if require_types(operator.kind, layer) != "int8" or layer.is_packed:
        return None
    found = requantization(layer, operator.clamp, REAL)
    largest = largest_sums(layer, found)
    steps = find_steps(found, largest) if can_pack(layer.weight_data, largest) else None
    if steps is None:
        return None
    out_size, in_size = layer.weights.shape
    rows = layer.x.elements // in_size
    parameters = {
        "rows": rows,
        "in_size": in_size,
        "out_size": out_size,
        "right": steps.right,
        "sign": steps.sign,
        "out_min": found.bounds[0],
        "out_max": found.bounds[1],
        "per_channel": int(found.factors.size > 1),
    }
    constants: dict[str, Array] = {
        "weights": pack_fours(layer.weight_data),
        "bias": found.bias.astype(np.int32),
        "multipliers": steps.multipliers,
        "addends": steps.addends,
        "shifts": steps.shifts.astype(np.int8),
    }
    arguments = (
        Argument("parameters"),
        Argument("input"),
        *(Argument("constant", name=name) for name in CONSTANTS),
        Argument("output"),
        Argument("scratch"),
    )
    scratch = 2 * (-(-in_size // GROUP) * GROUP)
    made = KernelCall("fully_connected_dsp_s8", arguments, parameters, constants, scratch)
    return with_lead(made, ordered_lead(np.arange(rows) * in_size, out_size, 0))


def pack_fours(weights: Array) -> npt.NDArray[np.uint32]:
    """For each 4 outputs and 4 inputs two words of the first pair, then two of the second.

    weights: int8 (O, K); both are filled up to multiples of 4 with zeros.
    """
    words = pair_words(_whole_fours(weights))  # (pairs, K / 2)
    fours = words.reshape(-1, 2, words.shape[1] // 2, 2).transpose(0, 2, 1, 3)
    return np.asarray(fours & 0xFFFFFFFF, np.int64).astype(np.uint32).ravel()


def _whole_fours(weights: Array) -> Array:
    return np.pad(weights, ((0, -len(weights) % OUTPUTS), (0, 0)))
