"""Run a graph node by node over samples, forgetting each value after its last reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

from edgetool.graph.graph import Graph
from edgetool.graph.values import attribute, constant_array, integer_limits

Array = npt.NDArray[Any]
Samples = list[Array]
"""A value's arrays, one for each sample, batch dimension included."""

# Operators that compute each index of the leading dimension by itself.
_BATCHED = frozenset(
    "Conv ConvTranspose Gemm Relu Clip LeakyRelu HardSwish HardSigmoid Sigmoid Tanh "  # noqa: SIM905
    "MaxPool AveragePool GlobalAveragePool GlobalMaxPool".split()
)


class Stepwise:
    """The values of a graph on some samples, computed in the graph's order on demand.

    samples: input name to (samples, *input shape without batch).
    Raises: onnxruntime's own exceptions when it cannot run a node.
    """

    def __init__(self, graph: Graph, samples: Mapping[str, Array]) -> None:
        self._nodes = list(graph.graph)
        self._opset = graph.opset
        self._next = 0
        self._count = min(len(array) for array in samples.values())
        self._values: dict[ir.Value, Samples] = {}
        self._readers: dict[ir.Value, int] = {}
        for value in graph.graph.inputs:
            if str(value.name) in samples:
                array = samples[str(value.name)]
                self._values[value] = [array[i : i + 1] for i in range(self._count)]
        for node in self._nodes:
            for used in node.inputs:
                if used is not None:
                    self._readers[used] = self._readers.get(used, 0) + 1
        for value in graph.graph.outputs:  # kept to the end
            self._readers[value] = self._readers.get(value, 0) + 1

    def nodes(self) -> Iterator[ir.Node]:
        """Each node in turn, before it is run: its inputs can be asked for, itself changed."""
        while self._next < len(self._nodes):
            yield self._nodes[self._next]
            self._run(self._nodes[self._next])
            self._next += 1

    def advance_to(self, name: str) -> ir.Node | None:
        """Run all nodes before the one of this name and give it; None when it has been passed."""
        names = [node.name for node in self._nodes]
        if name not in names[self._next :]:
            return None
        while self._nodes[self._next].name != name:
            self._run(self._nodes[self._next])
            self._next += 1
        return self._nodes[self._next]

    def value(self, value: ir.Value) -> Samples:
        """A value that has been computed and is still to be read."""
        return self._values[value]

    def results(self, node: ir.Node) -> Samples:
        """The first output of the node that is next, without moving on."""
        return self._compute(node)[0]

    def _run(self, node: ir.Node) -> None:
        if all(value is None or value not in self._values for value in node.inputs):
            return  # constant: computed when it is read, for it may change before that
        for value, found in zip(node.outputs, self._compute(node), strict=False):
            if self._readers.get(value):
                self._values[value] = found
        for used in node.inputs:
            if used in self._values:
                self._readers[used] -= 1
                if not self._readers[used]:
                    del self._values[used]

    def _contents(self, value: ir.Value) -> Array:
        found = constant_array(value)
        if found is not None:
            return found
        node = value.producer()
        if node is None:
            raise ValueError(f"value '{value.name}' is neither computed nor constant")
        feeds = [None if used is None else self._contents(used) for used in node.inputs]
        if node.op_type == "DequantizeLinear" and len(feeds) == 3:
            integers, scale, zero_point = feeds
            if integers is not None and scale is not None and zero_point is not None:
                shape = [1] * integers.ndim
                if scale.ndim:  # onnxruntime's Python side takes no int4, so it is done here
                    shape[int(attribute(node, "axis", 1))] = -1
                return _dequantize(integers, scale.reshape(shape), zero_point.reshape(shape))
        return _NodeSession(node, feeds, self._opset).run(feeds)[value.index() or 0]

    def _compute(self, node: ir.Node) -> list[Samples]:
        feeds = [self._feed(node, index, 0) for index in range(len(node.inputs))]
        direct = _quantize if node.op_type == "QuantizeLinear" else _dequantize
        if (
            node.op_type in ("QuantizeLinear", "DequantizeLinear")
            and node.inputs[0] in self._values
        ):
            scale, zero_point = (self._contents(value) for value in node.inputs[1:] if value)
            return [[direct(array, scale, zero_point) for array in self._values[node.inputs[0]]]]
        session = _NodeSession(node, feeds, self._opset)
        if node.op_type in _BATCHED and node.inputs[0] in self._values:
            return self._compute_batched(node, session, feeds)
        runs = []
        for sample in range(self._count):
            runs.append(session.run([self._feed(node, i, sample) for i in range(len(feeds))]))
        return [list(found) for found in zip(*runs, strict=True)]

    def _compute_batched(
        self, node: ir.Node, session: _NodeSession, feeds: list[Array | None]
    ) -> list[Samples]:
        stacked = np.concatenate(self._values[node.inputs[0]])  # type: ignore[index]
        rows = len(stacked) // self._count
        found = session.run([stacked, *feeds[1:]])
        return [[array[i * rows : (i + 1) * rows] for i in range(self._count)] for array in found]

    def _feed(self, node: ir.Node, index: int, sample: int) -> Array | None:
        value = node.inputs[index]
        if value is None:
            return None
        return self._values[value][sample] if value in self._values else self._contents(value)


class _NodeSession:
    """An onnxruntime session of one node whose inputs, constants too, are all fed."""

    def __init__(self, node: ir.Node, feeds: list[Array | None], opset: int) -> None:
        import onnxruntime as ort

        proto = ir.serde.serialize_node(node)
        self._names = ["" if array is None else f"input_{i}" for i, array in enumerate(feeds)]
        del proto.input[:]
        proto.input.extend(self._names)
        inputs = [
            onnx.helper.make_tensor_value_info(
                name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim
            )
            for name, array in zip(self._names, feeds, strict=True)
            if array is not None
        ]
        outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in proto.output if name]
        model = onnx.helper.make_model(
            onnx.helper.make_graph([proto], "node", inputs, outputs),
            opset_imports=[onnx.helper.make_opsetid(node.domain, opset)],
            ir_version=10,
        )
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def run(self, feeds: list[Array | None]) -> list[Array]:
        given = {
            n: np.ascontiguousarray(a)
            for n, a in zip(self._names, feeds, strict=True)
            if a is not None
        }
        return [np.asarray(array) for array in self._session.run(None, given)]


def _quantize(array: Array, scale: Array, zero_point: Array) -> Array:
    """QuantizeLinear per tensor, halves to even."""
    info = integer_limits(zero_point.dtype.name)
    codes = np.rint(array / scale) + zero_point.astype(np.float32)
    return np.asarray(np.clip(codes, info.min, info.max), zero_point.dtype)


def _dequantize(array: Array, scale: Array, zero_point: Array) -> Array:
    """DequantizeLinear, scale and zero point ready to broadcast."""
    real = (array.astype(np.float32) - zero_point.astype(np.float32)) * scale
    return np.asarray(real, np.float32)
