"""Quantize a float graph after training, in the canonical Q/DQ form.

Activations int8 or int16 per tensor, weights int8 symmetric per output channel (per tensor for
fully connected layers), biases int32 at s_in · s_w. Q/DQ stand behind the fused activation and
behind a residual addition. docs/quantization.md lists every rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import DataError, QuantizationError
from edgetool.graph import Graph
from edgetool.graph.opset import raise_opset
from edgetool.graph.shapes import infer_shapes, unknown_values
from edgetool.passes.contract import PassContext, PassResult, unchanged
from edgetool.quantization.calibration import calibrate
from edgetool.quantization.constants import quantize_constants, require_finite_constants
from edgetool.quantization.insertion import QdqWriter
from edgetool.quantization.layers import Selection, describe, select_layers
from edgetool.quantization.parameters import (
    MIN_SCALE,
    ActivationParameters,
    Range,
    activation_parameters,
    symmetric_cost_db,
)
from edgetool.quantization.ranges import choose_range, chosen_method
from edgetool.quantization.scale_groups import Grouping, ScaleGroup, group_values

LEAST_OPSET = 13
INT16_INT4_OPSET = 21  # the first with QuantizeLinear to int16, and with int4


def run(graph: Graph, context: PassContext) -> PassResult:
    """The graph with integer weights and activations; a quantized one comes back as it is.

    context.calibration: required.   context.options: "ranges" (minmax, percentile, mse),
    "activation_bits" (8 or 16), "weight_bits" (8 or 4), "narrow_layers" (names of nodes whose
    weights take 4 bits in any case), "symmetric" (bool: zero point 0 everywhere), "progress"
    (called with done, total, label), "calibration_cache" (folder for the statistics of long
    passes).
    Raises: DataError without calibration data; QuantizationError for numbers that are not
    finite, naming the tensor, or an opset below 13; UsageError for an unknown range method.
    """
    if graph.is_quantized():
        return unchanged(graph)
    bits = int(context.options.get("activation_bits", 8))
    method = chosen_method(context.options)
    weight_bits = int(context.options.get("weight_bits", 8))
    narrow = frozenset(context.options.get("narrow_layers", ()))
    symmetric = bool(context.options.get("symmetric", False))
    samples = _require_calibration(graph, context)
    if bits == 16 or weight_bits == 4 or narrow:
        graph = raise_opset(graph, INT16_INT4_OPSET)
    if unknown_values(graph.graph):
        infer_shapes(graph.model)
    selection = select_layers(graph, bits)
    if not selection.layers:
        return PassResult(graph, False, describe(selection))
    require_finite_constants(selection.layers)
    grouping = group_values(selection.layers, symmetric, bits)
    ranges, constant = _ranges(graph, grouping, samples, method, symmetric, context.options)
    parameters = _parameters(grouping, ranges, symmetric, bits)
    writer = QdqWriter(graph.graph, parameters, symmetric, bits, weight_bits, narrow)
    raised = insert_quantization(writer, selection, grouping)
    notes = (
        _summary(selection, method, writer, samples),
        *describe(selection),
        *_collapsed_notes(ranges, constant),
        *raised,
        *(_symmetric_notes(ranges) if symmetric else ()),
    )
    return PassResult(graph, True, notes)


def insert_quantization(
    writer: QdqWriter, selection: Selection, grouping: Grouping
) -> tuple[str, ...]:
    """Write Q/DQ and integer constants into the graph; returns notes on raised scales."""
    integer_nodes = {n for layer in selection.layers for n in (layer.node, layer.clamp) if n}
    notes: list[str] = []
    for layer in selection.layers:
        notes += quantize_constants(writer, layer, grouping, writer.parameters)
    for value, group in grouping.group_of.items():
        owned = value.is_graph_input() or value.producer() in integer_nodes
        users = {use.node for use in value.uses()}
        readers = users if owned else users & integer_nodes
        becomes_output = owned and value.is_graph_output() and not value.is_graph_input()
        writer.quantize_value(value, group, readers, becomes_output)
    for node, index in grouping.requantized:
        writer.requantize_input(node, index, grouping.group_of[node.outputs[0]])
    return tuple(notes)


def _require_calibration(graph: Graph, context: PassContext) -> Mapping[str, npt.NDArray[Any]]:
    if graph.opset < LEAST_OPSET:
        raise QuantizationError(
            f"the model uses opset {graph.opset}; int8 weights per channel need {LEAST_OPSET}",
            hints=("export the model with opset 13 or later",),
        )
    if context.calibration is None:
        raise DataError(
            "int8 needs calibration data: samples that show the range of every activation",
            hints=(
                "--calibrate samples.npz with 100 to 500 real inputs (arrays named as the inputs)",
                "--precision float32 needs none",
            ),
        )
    return context.calibration


def _ranges(
    graph: Graph,
    grouping: Grouping,
    samples: Mapping[str, npt.NDArray[Any]],
    method: str,
    symmetric: bool,
    options: Mapping[str, Any],
) -> tuple[dict[ScaleGroup, Range], dict[ScaleGroup, float]]:
    """The range of every group that no operator dictates, and the value of those with only one."""
    free = [group for group in grouping.groups if group.fixed is None]
    statistics = calibrate(
        graph,
        free,
        samples,
        method != "minmax",
        options.get("progress"),
        options.get("calibration_cache"),
    )
    ranges = {}
    for group, seen in zip(free, statistics, strict=True):
        # What the model answers is not cut off: nothing behind it could make up for that.
        leaves = any(value.is_graph_output() for value in group.members)
        chosen = choose_range(seen, "minmax" if leaves else method, symmetric)
        low = min((chosen.low, *group.included))
        ranges[group] = Range(low, max((chosen.high, *group.included)))
    pairs = zip(free, statistics, strict=True)
    return ranges, {group: seen.constant for group, seen in pairs if seen.constant is not None}


def _parameters(
    grouping: Grouping, ranges: Mapping[ScaleGroup, Range], symmetric: bool, bits: int
) -> dict[ScaleGroup, ActivationParameters]:
    return {
        group: group.fixed or activation_parameters(ranges[group], symmetric, bits)
        for group in grouping.groups
    }


# --- notes ------------------------------------------------------------------------------------


def _summary(
    selection: Selection,
    method: str,
    writer: QdqWriter,
    samples: Mapping[str, npt.NDArray[Any]],
) -> str:
    kind = "symmetric" if writer.symmetric or writer.bits == 16 else "asymmetric"
    count = max(len(array) for array in samples.values())
    total = len(selection.layers) + len(selection.stay_float)
    narrow = f", weights of {len(writer.narrow)} to int4" if writer.narrow else ""
    return (
        f"{len(selection.layers)} of {total} operators to int{writer.weight_bits}{narrow},"
        f" activations int{writer.bits} {kind},"
        f" {method} ranges over {count} samples"
    )


def _collapsed_notes(
    ranges: Mapping[ScaleGroup, Range], constant: Mapping[ScaleGroup, float]
) -> tuple[str, ...]:
    notes = []
    for group, found in ranges.items():
        if found.is_zero:
            notes.append(f"'{group.name}' is 0 in every sample: its range is taken as [0, 1]")
        elif (found.high - found.low) / 255 < MIN_SCALE:
            span = found.high - found.low
            notes.append(f"'{group.name}' spans only {span:.1e}: its scale is held at 2**-30")
        elif (value := constant.get(group)) in (found.low, found.high):
            # An end of the range has a code of its own.
            notes.append(
                f"'{group.name}' is {value:.6g} in every sample, kept exactly: what varies with"
                " other inputs is cut off there"
            )
    return tuple(notes)


def _symmetric_notes(ranges: Mapping[ScaleGroup, Range]) -> tuple[str, ...]:
    costs = {group.name: symmetric_cost_db(found) for group, found in ranges.items()}
    if not costs:
        return ()
    worst = max(costs, key=lambda name: costs[name])
    median = float(np.median(list(costs.values())))
    return (
        f"zero point 0 costs {median:.1f} dB of SQNR an activation (median), at most"
        f" {costs[worst]:.1f} dB ('{worst}'): after a Relu half of the codes stay unused",
    )
