"""Where noise is measured: inputs and layers of a float graph that are integers in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import Graph, constant_array, node_label
from edgetool.graph.execute import Executor
from edgetool.graph.operands import Operand, read_operand
from edgetool.graph.values import integer_limits
from edgetool.quantization.constants import narrow_axis
from edgetool.quantization.disturbance import RoundedLayer
from edgetool.quantization.layers import WEIGHTED, Layer, select_layers
from edgetool.quantization.parameters import INT4_MAX, INT8_MAX, ActivationParameters

Array = npt.NDArray[Any]
DICTATED = frozenset({"Softmax", "Sigmoid", "Tanh"})


@dataclass(frozen=True, eq=False)
class Site:
    """A value of the float graph that a layer or an input makes, and what quantization made of it.

    value: in the float graph.   parameters: of its codes.   dtype: of its codes.
    dequantized: the name of its real values in the quantized graph.
    weights: the quantized ones, None without.   weight_axis: of their output channels.
    real_weights: the float layer's, None without.
    """

    label: str
    operator: str
    value: ir.Value
    rounded: RoundedLayer
    parameters: ActivationParameters
    dtype: str
    dequantized: str
    weights: Operand | None = None
    weight_axis: int = 0
    real_weights: Array | None = None

    @property
    def weight_use(self) -> float | None:
        """Mean over output channels of the largest code's share of the largest there is."""
        if self.weights is None or not self.weights.is_quantized:
            return None
        limit = INT4_MAX if str(self.weights.stored.dtype) == "int4" else INT8_MAX
        rows = np.moveaxis(np.abs(self.weights.integers), self.weight_axis, 0)
        return float(rows.reshape(len(rows), -1).max(axis=1).mean() / limit)

    @property
    def has_free_range(self) -> bool:
        """Whether calibration chose the range, and not an operator or the rule for outputs."""
        chosen = self.operator not in DICTATED and not self.value.is_graph_output()
        return chosen and self.dtype == "int8"


def find_sites(reference: Graph, quantized: Graph) -> list[Site]:
    """Inputs and computing layers that are integers in the quantized graph, in its order."""
    nodes = {node.name: node for node in quantized.graph}
    inputs = {value.name: value for value in quantized.graph.inputs}
    found = [_site_of_input(value, inputs.get(value.name)) for value in reference.graph.inputs]
    for layer in select_layers(reference).layers:
        node = nodes.get(layer.node.name)
        if node is not None and not layer.keeps_scale:
            last = node if layer.clamp is None else nodes.get(layer.clamp.name)
            found.append(_site_of_layer(layer, node, last))
    return [site for site in found if site is not None]


def _site_of_input(value: ir.Value, quantized: ir.Value | None) -> Site | None:
    pair = None if quantized is None else _quantization(quantized)
    if pair is None:
        return None
    name = str(value.name)
    return Site(name, "input", value, RoundedLayer(name), *pair)


def _site_of_layer(layer: Layer, node: ir.Node, last: ir.Node | None) -> Site | None:
    pair = None if last is None else _quantization(last.outputs[0])
    if pair is None:
        return None
    is_weighted = layer.node.op_type in WEIGHTED
    operands = {i: read_operand(node, i) for i in ((1, 2) if is_weighted else ())}
    constants = {i: o.real for i, o in operands.items() if o is not None and o.scale is not None}
    clamp = "" if layer.clamp is None else str(layer.clamp.name)
    value = layer.outputs[0]
    rounded = RoundedLayer(str(value.name), str(layer.node.name), clamp, constants)
    label, operator = str(layer.node.name or node_label(layer.node)), layer.node.op_type
    axis = narrow_axis(layer.node)
    original = read_operand(layer.node, 1) if is_weighted else None
    real = None if original is None else original.real
    return Site(label, operator, value, rounded, *pair, operands.get(1), axis, real)


def _quantization(value: ir.Value) -> tuple[ActivationParameters, str, str] | None:
    """(parameters, dtype, name of the real values) of what quantizes the value, None without."""
    quantizer = next((u.node for u in value.uses() if u.node.op_type == "QuantizeLinear"), None)
    if quantizer is None:
        return None
    scale, zero_point = (constant_array(used) for used in quantizer.inputs[1:3])
    readers = [use.node for use in quantizer.outputs[0].uses()]
    real = next((n for n in readers if n.op_type == "DequantizeLinear"), None)
    if scale is None or zero_point is None or real is None or scale.size != 1:
        return None
    parameters = ActivationParameters(float(scale.reshape(-1)[0]), int(zero_point.reshape(-1)[0]))
    return parameters, str(zero_point.dtype), str(real.outputs[0].name)


class RunningValues:
    """The quantized graph, unoptimised, with the real values at all sites."""

    def __init__(self, quantized: Graph, sites: Sequence[Site]) -> None:
        graph = quantized.clone()
        self._names = [str(value.name) for value in graph.graph.outputs]
        wanted = {site.dequantized for site in sites} - set(self._names)
        made = (value for node in graph.graph for value in node.outputs)
        graph.graph.outputs.extend(value for value in made if value.name in wanted)
        self._executor = Executor(graph)

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs and real values at the sites, by name, of one sample."""
        return self._executor.run(feeds)

    def outputs(self, values: Mapping[str, Array]) -> list[Array]:
        """The graph's own outputs among values, in order."""
        return [values[name] for name in self._names]


def fake_quantize(real: Array, parameters: ActivationParameters, dtype: str) -> Array:
    """The real values of the codes that QuantizeLinear gives."""
    info = integer_limits(dtype)
    codes = np.rint(real / np.float32(parameters.scale)) + np.float32(parameters.zero_point)
    codes = np.clip(codes, info.min, info.max) - np.float32(parameters.zero_point)
    return np.asarray(codes * np.float32(parameters.scale), np.float32)


def held_by(parameters: ActivationParameters, dtype: str) -> tuple[float, float]:
    """Real values of the smallest and the largest code."""
    info = integer_limits(dtype)
    low, high = (code - parameters.zero_point for code in (info.min, info.max))
    return low * parameters.scale, high * parameters.scale
