"""ONNX files for targets: older operator sets, float16, TensorRT's rules, the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

from edgetool import pipeline
from edgetool.errors import QuantizationError, UnsupportedOperatorError, UsageError
from edgetool.exporters.onnx import export_onnx
from edgetool.graph import Graph, ModelSource
from edgetool.graph.execute import Executor
from edgetool.graph.shapes import infer_shapes
from edgetool.passes import PassContext
from networks import detection_head, inverted_residual, random_inputs, residual_network

SOURCE = ModelSource("net.onnx", "onnx", "0" * 64)


def graph_of(model: onnx.ModelProto) -> Graph:
    graph = Graph(ir.serde.deserialize_model(model), SOURCE)
    infer_shapes(graph.model)
    return graph


def parsed(body: str, constants: dict[str, np.ndarray] | None = None, opset: int = 18) -> Graph:
    header = f'<ir_version: 9, opset_import: ["" : {opset}]> g '
    text = f"{header} (float[1,4,6,6] x) => (float[1,4,6,6] y) {body}"
    model = onnx.parser.parse_model(text)
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type.lower()}_{index}"
    for name, array in (constants or {}).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return graph_of(model)


def quantized(*, symmetric: bool) -> Graph:
    rows = [random_inputs(residual_network(1, 1), seed)["image"][0] for seed in range(6)]
    context = PassContext({"image": np.stack(rows)}, options={"symmetric": symmetric})
    stages = (pipeline.FLOAT, pipeline.QUANTIZE)
    return pipeline.run_pipeline(graph_of(residual_network(1)), context, stages)[0]


def run_file(path: Path, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, feeds))


@pytest.mark.parametrize("network", [residual_network, inverted_residual, detection_head])
def test_the_file_computes_what_the_graph_does(network: object, tmp_path: Path) -> None:
    model = network(1)  # type: ignore[operator]
    graph = graph_of(model)
    export_onnx(graph, tmp_path / "net.onnx", opset_max=13)
    feeds = random_inputs(model, 3)
    wanted = list(Executor(graph).run(feeds).values())
    for a, b in zip(wanted, run_file(tmp_path / "net.onnx", feeds), strict=True):
        assert np.array_equal(a, b)
    saved = onnx.load(tmp_path / "net.onnx")
    assert [(entry.domain, entry.version) for entry in saved.opset_import] == [("", 13)]
    assert saved.ir_version == 7


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    graph = graph_of(residual_network(1))
    for name in ("a", "b"):
        export_onnx(graph, tmp_path / name, opset_max=13, precision="float16")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        "{ y = HardSwish(x) }",
        "{ y = Mish(x) }",
        "{ m = ReduceMax(x, axes) y = Sub(x, m) }",
        "{ m = ReduceMean<keepdims=1>(x, axes) y = Sub(x, m) }",
        "{ a, b = Split<axis=1, num_outputs=2>(x) y = Concat<axis=1>(b, a) }",
        "{ p = Pad(x, pads, , axes) y = Slice(p, starts, ends, axes) }",
        "{ y = Reshape<allowzero=0>(x, shape) }",
        "{ y = Reshape<allowzero=1>(x, shape) }",  # as PyTorch writes every one of them
        '{ y = Resize<mode="nearest", antialias=0>(x, , scales) }',
        "{ y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x) }",
        "{ y = BatchNormalization(x, four, four, four, four) }",
    ],
)
def test_newer_forms_are_written_in_opset_13(body: str, tmp_path: Path) -> None:
    constants = {
        "axes": np.array([2, 3]),
        "pads": np.array([1, 2, 1, 0]),
        "starts": np.array([1, 2]),
        "ends": np.array([7, 8]),
        "shape": np.array([1, 4, 6, 6]),
        "scales": np.ones(4, np.float32),
        "four": np.arange(1, 5).astype(np.float32),
    }
    used = {name: array for name, array in constants.items() if name in body}
    graph = parsed(body, used)
    notes = export_onnx(graph, tmp_path / "net.onnx", opset_max=13)
    assert "opset 18 was rewritten as 13" in notes
    feeds = {"x": np.random.default_rng(0).standard_normal((1, 4, 6, 6)).astype(np.float32)}
    wanted = Executor(graph).run(feeds)["y"]
    assert np.abs(run_file(tmp_path / "net.onnx", feeds)[0] - wanted).max() <= 1e-6


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("{ y = LayerNormalization<axis=-1>(x, six) }", "layernormalization_0"),
        ('{ y = Gelu<approximate="tanh">(x) }', "gelu_0"),
        ('{ y = Resize<mode="linear", antialias=1>(x, , scales) }', "resize_0"),
    ],
)
def test_what_opset_13_cannot_say_is_refused_by_name(body: str, name: str, tmp_path: Path) -> None:
    constants = {"six": np.ones(6, np.float32), "scales": np.ones(4, np.float32)}
    used = {key: array for key, array in constants.items() if key in body}
    with pytest.raises(UnsupportedOperatorError, match=name):
        export_onnx(parsed(body, used, opset=20), tmp_path / "net.onnx", opset_max=13)
    assert list(tmp_path.iterdir()) == []


def test_float16_keeps_borders_in_float32_and_outputs_close(tmp_path: Path) -> None:
    model = inverted_residual(2)
    graph = graph_of(model)
    export_onnx(graph, tmp_path / "net.onnx", opset_max=13, precision="float16")
    saved = onnx.load(tmp_path / "net.onnx")
    kinds = {tensor.data_type for tensor in saved.graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds
    assert saved.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    feeds = random_inputs(model, 4)
    wanted = list(Executor(graph).run(feeds).values())
    for a, b in zip(wanted, run_file(tmp_path / "net.onnx", feeds), strict=True):
        assert b.dtype == np.float32
        assert np.abs(a - b).max() <= 0.01 * max(1.0, float(np.abs(a).max()))


def test_float16_names_the_tensor_whose_values_do_not_fit(tmp_path: Path) -> None:
    graph = parsed("{ y = Add(x, huge) }", {"huge": np.array([1e6], np.float32)})
    notes = export_onnx(graph, tmp_path / "net.onnx", precision="float16")
    assert any("'huge'" in note and "65504" in note for note in notes)


def test_float16_refuses_weights_that_are_not_numbers(tmp_path: Path) -> None:
    graph = parsed("{ y = Add(x, bad) }", {"bad": np.array([np.nan], np.float32)})
    with pytest.raises(QuantizationError, match="'bad'"):
        export_onnx(graph, tmp_path / "net.onnx", precision="float16")


def test_tensorrt_gets_symmetric_activations_and_float_biases(tmp_path: Path) -> None:
    graph = quantized(symmetric=True)
    notes = export_onnx(
        graph, tmp_path / "net.onnx", opset_max=13, precision="int8", symmetric_activations=True
    )
    assert any("biases are float32" in note for note in notes)
    saved = onnx.load(tmp_path / "net.onnx")
    assert onnx.TensorProto.INT32 not in {tensor.data_type for tensor in saved.graph.initializer}
    feeds = random_inputs(residual_network(1), 9)
    wanted = list(Executor(graph).run(feeds).values())
    for a, b in zip(wanted, run_file(tmp_path / "net.onnx", feeds), strict=True):
        assert np.abs(a - b).max() <= 1e-6


def test_asymmetric_activations_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(QuantizationError, match=r"zero point -?[1-9]"):
        export_onnx(
            quantized(symmetric=False), tmp_path / "x", precision="int8", symmetric_activations=True
        )


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="int7"):
        export_onnx(graph_of(residual_network(1)), tmp_path / "x", precision="int7")
