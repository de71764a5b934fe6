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
from edgetool.quantization.chosen_ranges import (
    Form,
    choose_ranges,
    group_parameters,
    ranges_by_rule,
)
from edgetool.quantization.constants import require_finite_constants
from edgetool.quantization.insertion import QdqWriter
from edgetool.quantization.layers import Selection, describe, select_layers
from edgetool.quantization.parameters import (
    MIN_SCALE,
    Range,
    symmetric_cost_db,
)
from edgetool.quantization.quantized_graph import insert_quantization
from edgetool.quantization.ranges import chosen_method
from edgetool.quantization.scale_groups import Grouping, ScaleGroup, group_values

LEAST_OPSET = 13
INT16_INT4_OPSET = 21  # the first with QuantizeLinear to int16, and with int4


def run(graph: Graph, context: PassContext) -> PassResult:
    """The graph with integer weights and activations; a quantized one comes back as it is.

    context.calibration: required.   context.options: "ranges" (`METHODS`),
    "activation_bits" (8, 16 or 4), "weight_bits" (8 or 4), "narrow_layers" (names of nodes whose
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
    form = Form(symmetric, bits, weight_bits, narrow)
    ranges, constant, told = _ranges(graph, grouping, samples, method, form, context.options)
    parameters = group_parameters(grouping, ranges, form)
    writer = QdqWriter(graph.graph, parameters, symmetric, bits, weight_bits, narrow)
    raised = insert_quantization(writer, selection, grouping)
    notes = (
        _summary(selection, method, writer, samples),
        *told,
        *describe(selection),
        *_collapsed_notes(ranges, constant),
        *raised,
        *(_symmetric_notes(ranges) if symmetric else ()),
    )
    return PassResult(graph, True, notes)


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
    form: Form,
    options: Mapping[str, Any],
) -> tuple[dict[ScaleGroup, Range], dict[ScaleGroup, float], tuple[str, ...]]:
    """The range of every group that no operator dictates, the value of those with only one, and
    what is to be told of the choice."""
    free = [group for group in grouping.groups if group.fixed is None]
    statistics = calibrate(
        graph,
        free,
        samples,
        method != "minmax",
        options.get("progress"),
        options.get("calibration_cache"),
    )
    pairs = list(zip(free, statistics, strict=True))
    constant = {group: seen.constant for group, seen in pairs if seen.constant is not None}
    if method == "auto":
        refine = options.get("effort") == "max"
        found, told = choose_ranges(graph, pairs, samples, form, refine)
        return found, constant, told
    return ranges_by_rule(pairs, method, form.symmetric, form.bits), constant, ()


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
    also = " and int8" if writer.bits == 4 else ""
    narrow = f", weights of {len(writer.narrow)} to int4" if writer.narrow else ""
    return (
        f"{len(selection.layers)} of {total} operators to int{writer.weight_bits}{narrow},"
        f" activations int{writer.bits}{also} {kind},"
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
