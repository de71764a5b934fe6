"""Float graphs with rounded weights beside the real ones, and with room for differences.

Two graphs are made once and run often: one gives what each layer makes of float inputs with its
real and with its rounded weights, the other adds a given difference to any layer's output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from edgetool.graph import Graph
from edgetool.quantization.observed_session import ValueSession, without_outputs

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class RoundedLayer:
    """A float layer with the constants that it has after rounding.

    output: the value behind its Relu or Clip.   node, clamp: names of its nodes, clamp "" without.
    constants: by index of the node's input, real values float32; {} for a layer without weights.
    """

    output: str
    node: str = ""
    clamp: str = ""
    constants: Mapping[int, Array] = field(default_factory=dict)


class RoundedWeights:
    """Gives each layer's output with real and with rounded constants, from float inputs."""

    def __init__(self, graph: Graph, layers: Sequence[RoundedLayer]) -> None:
        proto = without_outputs(graph)
        nodes = {node.name: node for node in proto.graph.node}
        inputs = {value.name for value in proto.graph.input}
        self._rounded = {
            layer.output: _duplicate(proto.graph, nodes, layer)
            for layer in layers
            if layer.constants
        }
        self._plain = [layer.output for layer in layers if layer.output not in inputs]
        self._session = ValueSession(proto, [*self._plain, *self._rounded.values()])

    def run(self, feeds: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """(outputs, outputs with rounded constants) of the layers, by the value's name."""
        found = self._session.run(feeds)
        plain = {name: found[name] for name in self._plain} | dict(feeds)
        return plain, plain | {v: found[name] for v, name in self._rounded.items()}


class DisturbedOutputs:
    """The graph's outputs when a difference is added to one layer's output."""

    def __init__(self, graph: Graph, values: Sequence[str]) -> None:
        proto = without_outputs(graph)
        self._differences = {name: f"{name}__difference" for name in values}
        renamed = _add_differences(proto.graph, self._differences)
        outputs = [str(value.name) for value in graph.graph.outputs]
        self._outputs = [renamed.get(name, name) for name in outputs]
        self._session = ValueSession(proto, self._outputs)

    def run(
        self, feeds: Mapping[str, Array], value: str = "", difference: Any = 0.0
    ) -> list[Array]:
        """The outputs; value: the one that difference is added to."""
        return self.run_all(feeds, {value: difference} if value else {})

    def run_all(self, feeds: Mapping[str, Array], differences: Mapping[str, Any]) -> list[Array]:
        """The outputs when differences, by value, are added to several."""
        zero = np.zeros((), np.float32)
        given = dict.fromkeys(self._differences.values(), zero)
        for value, difference in differences.items():
            given[self._differences[value]] = np.asarray(difference, np.float32)
        found = self._session.run({**feeds, **given})
        return [found[name] for name in self._outputs]


def _duplicate(
    graph: onnx.GraphProto, nodes: Mapping[str, onnx.NodeProto], layer: RoundedLayer
) -> str:
    """Write the layer a second time with its rounded constants; gives its output's name."""
    twin, result = onnx.NodeProto(), f"{layer.output}__rounded"
    twin.CopyFrom(nodes[layer.node])
    twin.name = f"{layer.node}__rounded"
    for index, array in layer.constants.items():
        twin.input[index] = f"{twin.name}_{index}"
        constant = onnx.numpy_helper.from_array(array.astype(np.float32), twin.input[index])
        graph.initializer.append(constant)
    twin.output[0] = result if not layer.clamp else f"{twin.name}_unclamped"
    graph.node.append(twin)
    if layer.clamp:
        clamp = onnx.NodeProto()
        clamp.CopyFrom(nodes[layer.clamp])
        clamp.name, clamp.input[0], clamp.output[0] = (
            f"{layer.clamp}__rounded",
            twin.output[0],
            result,
        )
        graph.node.append(clamp)
    return result


def _add_differences(graph: onnx.GraphProto, differences: Mapping[str, str]) -> dict[str, str]:
    """Let all readers of the values read value + difference; gives the sums' names by value."""
    sums = {name: f"{name}__disturbed" for name in differences}
    nodes = [_sum(n, differences[n], sums[n]) for n in (v.name for v in graph.input) if n in sums]
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = sums.get(name, name)
        nodes.append(node)
        nodes += [_sum(name, differences[name], sums[name]) for name in node.output if name in sums]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    for difference in differences.values():
        made = onnx.helper.make_tensor_value_info(difference, onnx.TensorProto.FLOAT, None)
        graph.input.append(made)
    return sums


def _sum(value: str, difference: str, result: str) -> onnx.NodeProto:
    return onnx.helper.make_node("Add", [value, difference], [result], name=result)
