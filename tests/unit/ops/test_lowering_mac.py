"""Conv, ConvTranspose, Gemm and MatMul: ONNX Runtime against the lowered program's executor."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from onnx import TensorProto, helper, numpy_helper

from edgetool.errors import UnsupportedOperatorError
from edgetool.program.boundary import from_program, to_program
from edgetool.program.executor import execute
from edgetool.program.lowering import lower
from edgetool.program.operator import Clamp
from edgetool.program.program import Program
from qdq import graph_of, normal_samples, outputs, quantize

Array = np.ndarray[Any, Any]


def numbers(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def model(
    op_type: str,
    x_shape: list[int],
    constants: dict[str, Array],
    then: list[onnx.NodeProto] | None = None,
    first: list[onnx.NodeProto] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    """One operator from x to y; `first` makes x_in of x, `then` makes y of y_out."""
    inputs = ["x_in" if first else "x", *constants]
    node = helper.make_node(op_type, inputs, ["y_out" if then else "y"], "layer", **attributes)
    graph = helper.make_graph(
        [*(first or []), node, *(then or [])],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return onnx.shape_inference.infer_shapes(built, strict_mode=True)


def lowered(proto: onnx.ModelProto) -> Program:
    return lower(graph_of(proto), "test")


def assert_as_onnxruntime(proto: onnx.ModelProto) -> Program:
    graph = graph_of(proto)
    samples = normal_samples(graph, 2)
    program = lower(graph, "test")
    found = from_program(program, execute(program, to_program(program, samples)))["y"]
    expected = outputs(graph, samples)["y"]
    limit = 1e-5 * float(np.abs(expected).max(initial=1e-3))
    np.testing.assert_allclose(found.reshape(expected.shape), expected, 1e-5, limit)
    return program


def kinds(program: Program) -> list[str]:
    return [operation.operator.kind for operation in program.operations]


@st.composite
def convs(draw: DrawFn) -> onnx.ModelProto:
    """Conv of one or two spatial axes with everything that ONNX allows."""
    rank = draw(st.integers(1, 2))
    groups, per_group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    outputs_, seed = groups * draw(st.integers(1, 3)), draw(st.integers(0, 1000))
    per_axis = st.lists(st.integers(1, 3), min_size=rank, max_size=rank)
    kernel, strides, dilations = draw(per_axis), draw(per_axis), draw(per_axis)
    size = [draw(st.integers(1 + (k - 1) * d, 10)) for k, d in zip(kernel, dilations, strict=True)]
    attributes: dict[str, Any] = {"group": groups, "strides": strides, "dilations": dilations}
    mode = draw(st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if mode.startswith("SAME"):
        attributes["dilations"] = [1] * rank  # ONNX Runtime refuses both
    if mode == "NOTSET":
        attributes["pads"] = [draw(st.integers(0, k - 1)) for k in (*kernel, *kernel)]
    else:
        attributes["auto_pad"] = mode
    constants = {"w": numbers(seed, outputs_, per_group, *kernel)}
    if draw(st.booleans()):
        constants["b"] = numbers(seed + 1, outputs_)
    return model("Conv", [1, groups * per_group, *size], constants, **attributes)


@settings(max_examples=150)
@given(convs())
def test_conv_is_onnxruntimes(proto: onnx.ModelProto) -> None:
    program = assert_as_onnxruntime(proto)
    groups = next(a.i for a in proto.graph.node[0].attribute if a.name == "group")
    channels = proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    depthwise = groups == channels and groups > 1
    assert ("depthwise_conv2d" in kinds(program)) == depthwise
    assert ("conv2d" in kinds(program)) != depthwise


@st.composite
def transposed(draw: DrawFn) -> onnx.ModelProto:
    """ConvTranspose with pads, output padding, a given shape or SAME."""
    rank = draw(st.integers(1, 2))
    channels, outputs_, seed = draw(st.tuples(*[st.integers(1, 3)] * 2, st.integers(0, 1000)))
    per_axis = st.lists(st.integers(1, 3), min_size=rank, max_size=rank)
    kernel, strides = draw(per_axis), draw(per_axis)
    size = [draw(st.integers(2, 5)) for _ in kernel]
    attributes: dict[str, Any] = {"strides": strides}
    mode = draw(st.sampled_from(["pads", "shape", "SAME_UPPER", "SAME_LOWER"]))
    full = [(n - 1) * s + k for n, s, k in zip(size, strides, kernel, strict=True)]
    if mode == "pads":
        ends = [min(k - 1, f - 1) // 2 for k, f in zip(kernel, full, strict=True)]
        attributes["pads"] = [draw(st.integers(0, end)) for end in (*ends, *ends)]
        attributes["output_padding"] = [draw(st.integers(0, s - 1)) for s in strides]
    elif mode == "shape":
        # ONNX's shape inference drops axes that shrink
        limits = zip(size, full, strict=True)
        attributes["output_shape"] = [
            draw(st.integers(max(n, f - 2), max(n, f))) for n, f in limits
        ]
    else:
        attributes["auto_pad"] = mode
    constants = {"w": numbers(seed, channels, outputs_, *kernel)}
    if draw(st.booleans()):
        constants["b"] = numbers(seed + 1, outputs_)
    return model("ConvTranspose", [1, channels, *size], constants, **attributes)


@settings(max_examples=100)
@given(transposed())
def test_conv_transpose_is_onnxruntimes(proto: onnx.ModelProto) -> None:
    assert "transpose_conv2d" in kinds(assert_as_onnxruntime(proto))


@settings(max_examples=40)
@given(
    rows=st.integers(1, 3),
    transposed_b=st.booleans(),
    alpha=st.sampled_from([1.0, 0.5]),
    bias=st.sampled_from(["none", "scalar", "row"]),
    seed=st.integers(0, 100),
)
def test_gemm_is_onnxruntimes(
    rows: int, transposed_b: bool, alpha: float, bias: str, seed: int
) -> None:
    constants = {"w": numbers(seed, *((5, 7) if transposed_b else (7, 5)))}
    if bias != "none":
        constants["b"] = numbers(seed + 1, *((5,) if bias == "row" else (1,)))
    attributes = {"transB": int(transposed_b), "alpha": alpha, "beta": 2.0 * alpha}
    squeeze = helper.make_node("Flatten", ["x"], ["x_in"], axis=2)
    proto = model("Gemm", [1, rows, 7], constants, first=[squeeze], **attributes)
    assert "fully_connected" in kinds(assert_as_onnxruntime(proto))


@pytest.mark.parametrize("shape", [[1, 6], [1, 4, 6], [1, 3, 4, 6]])
def test_matmul_with_a_constant_right_side_is_onnxruntimes(shape: list[int]) -> None:
    program = assert_as_onnxruntime(model("MatMul", shape, {"w": numbers(0, 6, 5)}))
    assert "fully_connected" in kinds(program)


def test_a_flatten_before_gemm_moves_weights_instead_of_data() -> None:
    flatten = helper.make_node("Flatten", ["maps"], ["x_in"], axis=1)
    pool = helper.make_node("MaxPool", ["x"], ["maps"], kernel_shape=[2, 2], strides=[2, 2])
    constants = {"w": numbers(0, 18, 4)}
    program = assert_as_onnxruntime(model("Gemm", [1, 2, 6, 6], constants, first=[pool, flatten]))
    assert kinds(program) == ["max_pool2d", "reshape", "fully_connected"]


def test_a_relu_behind_a_convolution_is_fused() -> None:
    relu = helper.make_node("Relu", ["y_out"], ["y"])
    program = assert_as_onnxruntime(
        model("Conv", [1, 2, 5, 5], {"w": numbers(0, 3, 2, 3, 3)}, then=[relu])
    )
    [operation] = [op for op in program.operations if op.operator.kind == "conv2d"]
    assert operation.operator.clamp == Clamp(0.0)  # type: ignore[attr-defined]


@settings(max_examples=30)
@given(convs(), st.integers(0, 3))
def test_a_quantized_convolution_is_near_its_onnx_graph(proto: onnx.ModelProto, seed: int) -> None:
    graph = graph_of(proto)
    samples = normal_samples(graph, 8, seed)
    quantized = quantize(graph, samples).graph
    program = lower(quantized, "test")
    integer = [op for op in program.operations if "conv2d" in op.operator.kind]
    output = program.tensors[integer[0].outputs[0]]
    assert output.dtype == "int8"
    found = from_program(program, execute(program, to_program(program, samples)))["y"]
    expected = outputs(quantized, samples)["y"].reshape(found.shape)
    assert np.abs(found - expected).max() <= 1.01 * float(output.scale)


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (model("Conv", [1, 1, 3, 3, 3], {"w": numbers(0, 1, 1, 1, 1, 1)}), "3 spatial axes"),
        (
            model("ConvTranspose", [1, 4, 3, 3], {"w": numbers(0, 4, 1, 2, 2)}, group=2),
            "transposed convolution with groups",
        ),
        (
            model("ConvTranspose", [1, 4, 3, 3], {"w": numbers(0, 4, 1, 2, 2)}, dilations=[2, 2]),
            "transposed convolution with dilation",
        ),
        (model("MatMul", [1, 2, 6], {"w": numbers(0, 2, 6, 5)}), "right side of 3 dimensions"),
        (model("Gemm", [7, 2], {"w": numbers(0, 7, 5)}, transA=1), "transposes its input"),
    ],
)
def test_what_has_no_lowering_is_refused_with_its_name(
    proto: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(UnsupportedOperatorError, match=message) as refused:
        lowered(proto)
    assert "layer layer" in refused.value.message or "'layer'" in refused.value.message
