"""ONNX operators lowered to a Program compute what ONNX Runtime computes, float and quantized."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from edgetool.errors import UnsupportedOperatorError
from edgetool.graph import Graph
from edgetool.graph.graph import ModelSource
from edgetool.program.boundary import from_program, to_program
from edgetool.program.executor import execute
from edgetool.program.lowering import lower
from edgetool.program.program import Program

Array = npt.NDArray[Any]

HEADER = (
    '<ir_version: 8, opset_import: ["": {opset}]>\none (float{shape} x) => ({outputs}) {{ {body} }}'
)
IMAGE = [1, 6, 8, 10]

# name: (shape of x, ONNX text with output y, steps of output LSB allowed when quantized)
BODIES: dict[str, tuple[list[int], str, int]] = {
    "add of a channel constant": (
        IMAGE,
        "c = Constant<value = float[1,6,1,1] {1,2,3,-4,0.5,0}>() y = Add(x, c)",
        1,
    ),
    "sub from a scalar": (IMAGE, "c = Constant<value = float {1.5}>() y = Sub(c, x)", 1),
    "mul of lower rank": (
        IMAGE,
        "c = Constant<value = float[6,1,1] {1,2,3,-4,0.5,0}>() y = Mul(x, c)",
        1,
    ),
    "square": (IMAGE, "y = Mul(x, x)", 1),
    "add and relu": (IMAGE, "s = Add(x, x) y = Relu(s)", 1),
    "relu": (IMAGE, "y = Relu(x)", 1),
    "clip": (
        IMAGE,
        "a = Constant<value = float {-0.7}>() b = Constant<value = float {2.5}>()"
        " y = Clip(x, a, b)",
        1,
    ),
    "clip without bounds": (IMAGE, "y = Clip(x)", 1),
    "leaky relu": (IMAGE, "y = LeakyRelu<alpha = 0.2>(x)", 1),
    "hard swish": (IMAGE, "y = HardSwish(x)", 1),
    "sigmoid": (IMAGE, "y = Sigmoid(x)", 1),
    "tanh": (IMAGE, "y = Tanh(x)", 1),
    "softmax over the last axis": ([1, 10], "y = Softmax(x)", 1),
    "softmax over channels": (IMAGE, "y = Softmax<axis = 1>(x)", 1),
    "concat over channels": (IMAGE, "r = Relu(x) y = Concat<axis = 1>(x, r)", 1),
    "concat over height": (IMAGE, "r = Neg_(x) y = Concat<axis = 2>(x, r)", 1),
    "pad": (
        IMAGE,
        "p = Constant<value = int64[8] {0,0,1,2, 0,1,3,0}>() y = Pad(x, p)",
        1,
    ),
    "max pool": (IMAGE, "y = MaxPool<kernel_shape = [3,2], strides = [2,2]>(x)", 1),
    "max pool with padding": (
        IMAGE,
        "y = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(x)",
        1,
    ),
    "max pool of one axis": ([1, 4, 9], "y = MaxPool<kernel_shape = [2], strides = [2]>(x)", 1),
    "global max pool": (IMAGE, "y = GlobalMaxPool(x)", 1),
    "average pool": (IMAGE, "y = AveragePool<kernel_shape = [2,3]>(x)", 1),
    "average pool with padding": (
        IMAGE,
        'y = AveragePool<kernel_shape = [3,3], strides = [2,2], auto_pad = "SAME_UPPER">(x)',
        1,
    ),
    "average pool that counts padding": (
        IMAGE,
        "y = AveragePool<kernel_shape = [3,3], pads = [1,1,1,1], count_include_pad = 1>(x)",
        1,
    ),
    "average pool with ceiling": (
        IMAGE,
        "y = AveragePool<kernel_shape = [3,3], strides = [2,2], ceil_mode = 1>(x)",
        1,
    ),
    "average pool of one axis": ([1, 4, 9], "y = AveragePool<kernel_shape = [3]>(x)", 1),
    # rounded on the input's scale first, 2.7 output steps: LiteRT's average pool cannot rescale
    "average pool and relu": (IMAGE, "a = AveragePool<kernel_shape = [2,2]>(x) y = Relu(a)", 2),
    "global average pool": (IMAGE, "y = GlobalAveragePool(x)", 1),
    "mean of height and width": (IMAGE, "y = ReduceMean<axes = [2,3], keepdims = 0>(x)", 1),
    "mean of channels": (IMAGE, "y = ReduceMean<axes = [1], keepdims = 1>(x)", 1),
    "mean of all": (IMAGE, "y = ReduceMean(x)", 1),
    "slice": (
        IMAGE,
        "s = Constant<value = int64[3] {1,-1,1}>() e = Constant<value = int64[3] {5,-100,9}>()"
        " a = Constant<value = int64[3] {1,2,-1}>() t = Constant<value = int64[3] {1,-2,3}>()"
        " y = Slice(x, s, e, a, t)",
        1,
    ),
    "resize by two": (
        IMAGE,
        "r = Constant<value = float[0] {}>() s = Constant<value = float[4] {1,1,2,2}>()"
        ' y = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric",'
        ' nearest_mode = "floor">(x, r, s)',
        1,
    ),
    "resize by two from the centre": (
        IMAGE,
        "r = Constant<value = float[0] {}>() s = Constant<value = float[4] {1,1,2,2}>()"
        ' y = Resize<mode = "nearest">(x, r, s)',
        1,
    ),
}


def model_of(shape: list[int], body: str, outputs: int = 1) -> onnx.ModelProto:
    """The model with inferred shapes; Neg_ stands for a multiplication by -1."""
    body = body.replace("Neg_(x)", "Mul(x, minus)")
    if "minus" in body:
        body = "minus = Constant<value = float {-1.0}>() " + body
    names = ["y"] if outputs == 1 else [f"y{index}" for index in range(outputs)]
    text = HEADER.format(
        opset=14, shape=shape, outputs=", ".join(f"float {n}" for n in names), body=body
    )
    model = onnx.parser.parse_model(text)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


class Quantizer:
    """Rewrites a float model in QDQ form, every activation per tensor, ranges from one input."""

    def __init__(self, model: onnx.ModelProto, x: Array) -> None:
        self.model = model
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.values = {"x": x} | self._observe(x)

    def run(self) -> onnx.ModelProto:
        """The quantized model; the output keeps its name with _dq behind it."""
        renamed = {"x": self._activation("x")}
        for node in self.model.graph.node:
            renamed |= self._node(node, renamed)
        outputs = [
            helper.make_tensor_value_info(
                renamed[output.name], onnx.TensorProto.FLOAT, self.values[output.name].shape
            )
            for output in self.model.graph.output
        ]
        graph = helper.make_graph(
            self.nodes, "q", list(self.model.graph.input), outputs, self.initializers
        )
        made = helper.make_model(graph, opset_imports=self.model.opset_import, ir_version=8)
        return onnx.shape_inference.infer_shapes(made, strict_mode=True, data_prop=True)

    def _observe(self, x: Array) -> dict[str, Array]:
        watched = onnx.ModelProto()
        watched.CopyFrom(self.model)
        names = [node.output[0] for node in self.model.graph.node]
        watched.graph.ClearField("output")
        watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        return dict(zip(names, run_onnxruntime(watched, x), strict=True))

    def _node(self, node: onnx.NodeProto, renamed: dict[str, str]) -> dict[str, str]:
        name, users = node.output[0], self._users(node.output[0])
        if node.op_type == "Constant" and users & {"Add", "Sub", "Mul"}:
            return {name: self._constant(name)}
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.ClearField("input")
        copy.input.extend(renamed.get(old, old) for old in node.input)
        self.nodes.append(copy)
        is_fused = users == {"Relu"} and node.op_type in ("Add", "AveragePool")
        return {} if node.op_type == "Constant" or is_fused else {name: self._activation(name)}

    def _users(self, name: str) -> set[str]:
        return {node.op_type for node in self.model.graph.node if name in node.input}

    def _activation(self, name: str) -> str:
        low = min(float(self.values[name].min()), 0.0)
        high = max(float(self.values[name].max()), 0.0)
        scale = max(high - low, 1e-3) / 255
        parameters = self._parameters(name, scale, round(-128 - low / scale))
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *parameters], [f"{name}_q"]))
        return self._dequantize(name, parameters)

    def _constant(self, name: str) -> str:
        array = self.values[name]
        scale = max(float(np.abs(array).max()), 1e-3) / 127
        codes = np.round(array / np.float32(scale)).astype(np.int8)
        self.initializers.append(numpy_helper.from_array(codes, f"{name}_q"))
        return self._dequantize(name, self._parameters(name, scale, 0))

    def _parameters(self, name: str, scale: float, zero_point: int) -> list[str]:
        zero = np.array(np.clip(zero_point, -128, 127), np.int8)
        arrays: dict[str, Array] = {
            f"{name}_scale": np.array(scale, np.float32),
            f"{name}_zero": zero,
        }
        self.initializers.extend(numpy_helper.from_array(a, n) for n, a in arrays.items())
        return list(arrays)

    def _dequantize(self, name: str, parameters: list[str]) -> str:
        inputs = [f"{name}_q", *parameters]
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{name}_dq"]))
        return f"{name}_dq"


def run_onnxruntime(model: onnx.ModelProto, x: Array) -> list[Array]:
    """Outputs of ONNX Runtime, graph optimisations off, so that QDQ is computed as written."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, {"x": x}))


def lowered(model: onnx.ModelProto) -> Program:
    """The Program of a model."""
    return lower(Graph(ir.serde.from_proto(model), ModelSource("test", "onnx", "0" * 64)), "test")


def run_program(program: Program, x: Array) -> list[Array]:
    """The Program's outputs in ONNX's layout, as real values."""
    values = execute(program, to_program(program, {"x": x}))
    found = from_program(program, values)
    return [found[name] for name in program.output_names]


def random_input(shape: list[int]) -> Array:
    return np.random.default_rng(1).uniform(-4, 4, shape).astype(np.float32)


@pytest.mark.parametrize("name", BODIES)
def test_lowered_float_operator_computes_what_onnxruntime_computes(name: str) -> None:
    shape, body, _ = BODIES[name]
    model, x = model_of(shape, body), random_input(shape)
    for found, expected in zip(
        run_program(lowered(model), x), run_onnxruntime(model, x), strict=True
    ):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", BODIES)
def test_lowered_quantized_operator_stays_within_lsb_of_onnxruntime(name: str) -> None:
    shape, body, lsb = BODIES[name]
    x = random_input(shape)
    model = Quantizer(model_of(shape, body), x).run()
    program = lowered(model)
    assert {operation.operator.kind for operation in program.operations} & {"quantize"}
    named = {tensor.name: tensor for tensor in model.graph.initializer}
    scale = float(numpy_helper.to_array(named["y_scale"]))
    for found, expected in zip(run_program(program, x), run_onnxruntime(model, x), strict=True):
        assert found.shape == expected.shape
        assert float(np.abs(found - expected).max()) <= (lsb + 1e-3) * scale


def test_split_gives_every_piece() -> None:
    body = "s = Constant<value = int64[3] {1,2,3}>() y0, y1, y2 = Split<axis = 1>(x, s)"
    model, x = model_of(IMAGE, body, outputs=3), random_input(IMAGE)
    for found, expected in zip(
        run_program(lowered(model), x), run_onnxruntime(model, x), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ('y = Resize<mode = "linear">(x, r, s)', "nearest expected"),
        (
            'y = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric",'
            ' nearest_mode = "ceil">(x, r, s)',
            "no TFLite form",
        ),
        ("y = MaxPool<kernel_shape = [2,2], dilations = [2,2]>(x)", "dilated pooling"),
    ],
)
def test_forms_without_a_lowering_are_refused_with_the_layer(body: str, part: str) -> None:
    sizes = (
        "r = Constant<value = float[0] {}>() s = Constant<value = float[4] {1,1,2,2}>() "
        if "Resize" in body
        else ""
    )
    with pytest.raises(UnsupportedOperatorError) as caught:
        lowered(model_of(IMAGE, sizes + body))
    assert part in str(caught.value)
    assert "layer" in str(caught.value)
