"""Which values share one scale and zero point, and where values must be requantized.

Moving layers tie their output to their input. A concatenation ties all its inputs and its output
(LiteRT's int8 CONCATENATION takes one scale) except inputs whose scale the operator that made
them dictates (softmax, sigmoid, tanh): these are requantized on the way in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgetool.graph import constant_array
from edgetool.quantization.layers import Layer
from edgetool.quantization.parameters import (
    HYPERBOLIC,
    PROBABILITY,
    PROBABILITY_INT16,
    PROBABILITY_SYMMETRIC,
    ActivationParameters,
)

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@dataclass(frozen=True, eq=False)
class ScaleGroup:
    """Values with one scale and zero point.

    observed: the members that calibration must look at; the rest only repeats their values.
    included: constants that the range must hold (padding values, constant concat inputs).
    fixed: the parameters that an operator dictates, None when calibration decides.
    """

    name: str
    members: tuple[ir.Value, ...]
    observed: tuple[ir.Value, ...]
    included: tuple[float, ...]
    fixed: ActivationParameters | None


@dataclass(frozen=True, eq=False)
class Grouping:
    """What shares a scale.

    groups: in the order of first use.   group_of: every quantized value's group.
    requantized: inputs (node, index) that must change to the parameters of the node's output.
    """

    groups: tuple[ScaleGroup, ...]
    group_of: Mapping[ir.Value, ScaleGroup]
    requantized: tuple[tuple[ir.Node, int], ...]


def bits_of(group: ScaleGroup, bits: int) -> int:
    """Of the group's codes. Of 4, only what layers with weights multiply has so few: the model's
    inputs, and what it only adds, pools or answers, keep 8."""
    if bits != 4:
        return bits
    readers = (use for value in group.members for use in value.uses())
    multiplied = any(use.node.op_type in WEIGHTED and use.idx == 0 for use in readers)
    entering = any(value.is_graph_input() for value in group.members)
    return 4 if multiplied and not entering and group.fixed is None else 8


def group_values(layers: Sequence[Layer], symmetric: bool, bits: int = 8) -> Grouping:
    """Group the activations of the layers."""
    ties = _Ties()
    for layer in layers:
        for value in (*layer.inputs, *layer.outputs):
            ties.add(value)
        dictated = dictated_parameters(layer.node.op_type, symmetric, bits)
        if dictated is not None:
            ties.fixed[ties.root(layer.outputs[0])] = dictated
    for layer in layers:
        if layer.keeps_scale and layer.node.op_type != "Concat":
            for output in layer.outputs:
                ties.join(layer.inputs[0], output)
    requantized: list[tuple[ir.Node, int]] = []
    for layer in layers:
        if layer.node.op_type == "Concat":
            requantized += _tie_concat(layer, ties)
    return _collect(layers, ties, requantized)


def dictated_parameters(
    op_type: str, symmetric: bool, bits: int = 8
) -> ActivationParameters | None:
    """Output parameters that the LiteRT specification dictates for an operator."""
    if bits == 16:
        return PROBABILITY_INT16 if op_type == "Softmax" else None
    if op_type == "Tanh":
        return HYPERBOLIC
    if op_type in ("Softmax", "Sigmoid"):
        return PROBABILITY_SYMMETRIC if symmetric else PROBABILITY
    return None


@dataclass
class _Ties:
    """Union-find over values; fixed holds dictated parameters by root."""

    parent: dict[ir.Value, ir.Value] = field(default_factory=dict)
    fixed: dict[ir.Value, ActivationParameters] = field(default_factory=dict)

    def add(self, value: ir.Value) -> None:
        self.parent.setdefault(value, value)

    def root(self, value: ir.Value) -> ir.Value:
        while self.parent[value] is not value:
            value = self.parent[value]
        return value

    def join(self, first: ir.Value, second: ir.Value) -> None:
        keep, drop = self.root(first), self.root(second)
        if keep is drop:
            return
        self.parent[drop] = keep
        if drop in self.fixed:
            self.fixed[keep] = self.fixed.pop(drop)

    def fixed_of(self, value: ir.Value) -> ActivationParameters | None:
        return self.fixed.get(self.root(value))


def _tie_concat(layer: Layer, ties: _Ties) -> list[tuple[ir.Node, int]]:
    """Tie a concatenation; returns the inputs that must be requantized."""
    output = layer.outputs[0]
    dictated = {ties.fixed_of(value) for value in layer.inputs}
    agree = len(dictated) == 1 and not layer.constants
    apart: list[tuple[ir.Node, int]] = []
    for index, value in zip(layer.data, layer.inputs, strict=True):
        if agree or ties.fixed_of(value) is None:
            ties.join(value, output)
        else:
            apart.append((layer.node, index))
    return apart


def _collect(
    layers: Sequence[Layer], ties: _Ties, requantized: list[tuple[ir.Node, int]]
) -> Grouping:
    members: dict[ir.Value, list[ir.Value]] = {}
    for value in ties.parent:
        members.setdefault(ties.root(value), []).append(value)
    included = _included(layers, ties)
    repeating = {v for layer in layers if layer.keeps_scale for v in layer.outputs}
    # A concatenation with requantized inputs holds values that no other member holds.
    repeating -= {node.outputs[0] for node, _ in requantized}
    groups = {
        root: ScaleGroup(
            name=values[0].name or "value",
            members=tuple(values),
            observed=tuple(v for v in values if v not in repeating),
            included=tuple(included.get(root, ())),
            fixed=ties.fixed.get(root),
        )
        for root, values in members.items()
    }
    group_of = {value: groups[ties.root(value)] for value in ties.parent}
    return Grouping(tuple(groups.values()), group_of, tuple(requantized))


def _included(layers: Sequence[Layer], ties: _Ties) -> dict[ir.Value, list[float]]:
    found: dict[ir.Value, list[float]] = {}
    for layer in layers:
        if layer.node.op_type not in ("Pad", "Concat"):
            continue
        indices = layer.constants if layer.node.op_type == "Concat" else (2,)
        for index in indices:
            array = (
                constant_array(layer.node.inputs[index]) if index < len(layer.node.inputs) else None
            )
            if array is not None and array.size and np.issubdtype(array.dtype, np.floating):
                bounds = [float(array.min()), float(array.max())]
                found.setdefault(ties.root(layer.outputs[0]), []).extend(bounds)
    return found
