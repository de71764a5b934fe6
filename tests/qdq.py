"""What tests of quantized graphs share: quantize, run without optimisation, check every rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from edgetool.graph import Graph, ModelSource, static_shape
from edgetool.passes import PassContext, PassResult
from edgetool.passes.quantize_static import run

Array = NDArray[Any]

WEIGHT_AXIS = {"Conv": 0, "ConvTranspose": 1, "Gemm": None, "MatMul": None}
SAME_SCALE = frozenset(
    {"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split"}
    | {"MaxPool", "Pad", "Resize", "Concat"}
)
FIXED = {"Softmax": (1 / 256, -128), "Sigmoid": (1 / 256, -128), "Tanh": (1 / 128, 0)}


def graph_of(model: onnx.ModelProto | str) -> Graph:
    """A Graph with inferred shapes, from a model or its ONNX text."""
    proto = onnx.parser.parse_model(model) if isinstance(model, str) else model
    proto = onnx.shape_inference.infer_shapes(proto, strict_mode=True)
    return Graph(ir.serde.from_proto(proto), ModelSource("test.onnx", "onnx", "0" * 64))


def model_of(graph: Graph) -> onnx.ModelProto:
    """The checked ONNX model of a graph."""
    proto = ir.serde.to_proto(graph.model)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def normal_samples(graph: Graph, count: int = 24, seed: int = 7) -> dict[str, Array]:
    """Standard normal samples for each input, without the batch dimension of 1."""
    rng = np.random.default_rng(seed)
    shapes = {str(value.name): static_shape(value) or () for value in graph.graph.inputs}
    return {
        name: rng.standard_normal((count, *shape[1:])).astype(np.float32)
        for name, shape in shapes.items()
    }


def quantize(graph: Graph, samples: Mapping[str, Array], **options: Any) -> PassResult:
    """quantize_static on a copy of graph."""
    return run(graph.clone(), PassContext(calibration=samples, options=options))


def outputs(graph: Graph, samples: Mapping[str, Array]) -> dict[str, Array]:
    """Outputs by name for all samples, by onnxruntime without graph optimisation.

    Optimised int8 kernels saturate on CPUs without VNNI; unoptimised, Q/DQ are exact.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model_of(graph).SerializeToString(), options)
    names = [value.name for value in session.get_outputs()]
    count = len(next(iter(samples.values())))
    rows = [
        session.run(names, {name: array[i : i + 1] for name, array in samples.items()})
        for i in range(count)
    ]
    return {name: np.concatenate([row[k] for row in rows]) for k, name in enumerate(names)}


@dataclass(frozen=True)
class Parameters:
    """What a QuantizeLinear or DequantizeLinear reads."""

    scale: Array
    zero_point: Array
    axis: int | None

    def same_as(self, other: Parameters) -> bool:
        return (
            self.scale.tobytes() == other.scale.tobytes()
            and self.zero_point.tobytes() == other.zero_point.tobytes()
        )


class QdqModel:
    """A quantized model seen from the outside: ONNX protobuf only, none of edgetool's code."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in self.graph.initializer}
        self.producer = {name: node for node in self.graph.node for name in node.output}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.inputs = {value.name for value in self.graph.input}
        self.outputs = {value.name for value in self.graph.output}

    def parameters(self, node: onnx.NodeProto) -> Parameters:
        axis = next((a.i for a in node.attribute if a.name == "axis"), None)
        return Parameters(self.constants[node.input[1]], self.constants[node.input[2]], axis)

    def dequantizer(self, name: str) -> onnx.NodeProto | None:
        node = self.producer.get(name)
        return node if node is not None and node.op_type == "DequantizeLinear" else None

    def of_input(self, name: str) -> Parameters | None:
        """Parameters of the DequantizeLinear that makes an operator's input."""
        node = self.dequantizer(name)
        return None if node is None else self.parameters(node)

    def of_output(self, name: str) -> Parameters | None:
        """Parameters of the one QuantizeLinear that reads an operator's output."""
        readers = self.readers.get(name, [])
        if name in self.outputs or [r.op_type for r in readers] != ["QuantizeLinear"]:
            return None
        return self.parameters(readers[0])

    def after_clamp(self, node: onnx.NodeProto) -> str:
        """The operator's output, or that of the Relu or Clip fused into it."""
        readers = self.readers.get(node.output[0], [])
        if len(readers) == 1 and readers[0].op_type in ("Relu", "Clip"):
            return str(readers[0].output[0])
        return str(node.output[0])


def broken_rules(model: onnx.ModelProto, symmetric: bool = False) -> list[str]:
    """One line for each breach of the canonical form; empty for a fully quantized model."""
    seen = QdqModel(model)
    found = list(_pair_rules(seen, symmetric))
    for node in seen.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            continue
        label = f"{node.op_type} {node.output[0]}"
        fused = any(
            (p := seen.producer.get(name)) is not None and seen.after_clamp(p) == node.output[0]
            for name in node.input
        )
        if node.op_type in ("Relu", "Clip") and fused:
            continue
        found += [f"{label}: {rule}" for rule in _node_rules(seen, node, symmetric)]
    found += [
        f"input {n} is not only quantized"
        for n in seen.inputs
        if {r.op_type for r in seen.readers.get(n, [])} != {"QuantizeLinear"}
    ]
    found += [f"output {n} is no DQ's" for n in seen.outputs if seen.dequantizer(n) is None]
    return found


def _pair_rules(seen: QdqModel, symmetric: bool) -> Iterator[str]:
    for node in seen.graph.node:
        if node.op_type != "QuantizeLinear":
            continue
        mine = seen.parameters(node)
        label = f"quantization of {node.input[0]}"
        if mine.scale.dtype != np.float32 or mine.scale.shape != () or not mine.scale > 0:
            yield f"{label}: scale {mine.scale!r}"
        if mine.zero_point.dtype != np.int8 or mine.zero_point.shape != ():
            yield f"{label}: zero point {mine.zero_point!r}"
        if symmetric and mine.zero_point != 0:
            yield f"{label}: zero point {mine.zero_point} in a symmetric graph"
        for reader in seen.readers.get(node.output[0], []):
            if reader.op_type != "DequantizeLinear":
                yield f"{label}: read by {reader.op_type}"
            elif not seen.parameters(reader).same_as(mine):
                yield f"{label}: dequantized with other parameters"


def _node_rules(seen: QdqModel, node: onnx.NodeProto, symmetric: bool) -> Iterator[str]:
    last = seen.after_clamp(node) if node.op_type in (*WEIGHT_AXIS, "Add", "Sub", "Mul") else None
    results = [last] if last is not None else list(node.output)
    out = [p for name in results if (p := seen.of_output(name)) is not None]
    if len(out) != len(results):
        yield "an output is not quantized, or something stands before its Q"
        return
    data = [n for n in node.input if n and (n in seen.producer or n in seen.inputs)]
    entering = [p for name in data if (p := seen.of_input(name)) is not None]
    if len(entering) != len(data):
        yield "an input does not come from a DQ"
        return
    if node.op_type in WEIGHT_AXIS:
        yield from _weight_rules(seen, node, entering[0])
    if node.op_type in SAME_SCALE and not all(p.same_as(out[0]) for p in (*entering, *out)):
        yield "inputs and outputs do not share scale and zero point"
    if node.op_type in FIXED and not symmetric:
        scale, zero_point = FIXED[node.op_type]
        if (float(out[0].scale), int(out[0].zero_point)) != (scale, zero_point):
            yield f"scale {out[0].scale}, zero point {out[0].zero_point}"


def _weight_rules(seen: QdqModel, node: onnx.NodeProto, entering: Parameters) -> Iterator[str]:
    dequantizer = seen.dequantizer(node.input[1])
    if dequantizer is None:
        yield "weights are not quantized"
        return
    weights, mine = seen.constants[dequantizer.input[0]], seen.parameters(dequantizer)
    axis = WEIGHT_AXIS[node.op_type]
    if weights.dtype != np.int8 or weights.min() < -127 or np.any(mine.zero_point != 0):
        yield "weights are not int8 in [-127, 127] with zero point 0"
    if mine.axis != axis or mine.scale.shape != (() if axis is None else (weights.shape[axis],)):
        yield f"weights are quantized along {mine.axis} with {mine.scale.shape} scales"
    if len(node.input) < 3:
        return
    found = seen.dequantizer(node.input[2])
    if found is None or seen.constants[found.input[0]].dtype != np.int32:
        yield "its bias is not int32"
        return
    theirs = seen.parameters(found)
    product = np.asarray(entering.scale * mine.scale, np.float32)
    repeats = theirs.scale.size // product.size
    if not np.array_equal(theirs.scale, np.tile(product, repeats) if axis is not None else product):
        yield "the bias scale is not s_in * s_w"
    if np.any(theirs.zero_point != 0):
        yield "the bias zero point is not 0"
