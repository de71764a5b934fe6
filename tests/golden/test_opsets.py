"""Every ONNX operator set that is read, from 7 to 24, compiles and computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from compiled import Array, compiled, program_of
from edgetool.artifact import ONNX
from edgetool.graph import Graph
from edgetool.importers import load_model
from edgetool.program.boundary import from_program, to_program
from edgetool.program.executor import execute

OPSETS = (7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 19, 21, 22, 23, 24)
SAMPLES = 16


class OldAndNew:
    """Writes nodes in the form of one operator set: attributes became inputs over the years."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.rng = np.random.default_rng(opset)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(operator, inputs, outputs, outputs[0], **attributes))

    def constant(self, value: Array | list[int] | float) -> str:
        name = f"constant_{len(self.constants)}"
        array = np.asarray(value, np.int64 if isinstance(value, list) else np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def normal(self, *shape: int) -> str:
        return self.constant(self.rng.normal(size=shape).astype(np.float32) * 0.3)

    def add_in_form(
        self, operator: str, x: str, *outputs: str, since: int, fixed: dict[str, Any], **values: Any
    ) -> None:
        """values: attributes before the operator set `since`, inputs in this order from then on."""
        if self.opset < since:
            self.add(operator, [x], *outputs, **fixed, **values)
        else:
            inputs = [self.constant(value) for value in values.values()]
            self.add(operator, [x, *inputs], *outputs, **fixed)

    def upsample(self, x: str, y: str) -> None:
        """Twice as high and wide by repetition; what it is called has changed three times."""
        scales, mode = [1.0, 1.0, 2.0, 2.0], {"mode": "nearest"}
        if self.opset < 9:
            self.add("Upsample", [x], y, scales=scales, **mode)
        elif self.opset < 11:
            operator = "Upsample" if self.opset == 9 else "Resize"
            self.add(operator, [x, self.constant(np.array(scales))], y, **mode)
        else:
            mode |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            roi = self.constant(np.zeros(0)) if self.opset < 13 else ""
            self.add("Resize", [x, roi, self.constant(np.array(scales))], y, **mode)

    def model(self, batch: int | str) -> onnx.ModelProto:
        ends = [("x", [batch, 3, 12, 12]), ("y", [batch, 5])]
        x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in ends)
        graph = helper.make_graph(self.nodes, "net", [x], [y], self.constants)
        version = 4 if self.opset < 10 else 8 if self.opset < 21 else 10
        opset = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=version)
        onnx.checker.check_model(model, full_check=True)
        return model


def network(opset: int) -> onnx.ModelProto:
    """One layer of each operator whose form depends on the operator set."""
    net = OldAndNew(opset)
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}
    net.add("Conv", ["x", net.normal(8, 3, 3, 3)], "conv", **conv)
    statistics = [net.normal(8) for _ in range(3)] + [net.constant(np.full(8, 0.7))]
    net.add("BatchNormalization", ["conv", *statistics], "normalized", epsilon=1e-3)
    net.add_in_form("Clip", "normalized", "clipped", since=11, fixed={}, min=0.0, max=6.0)
    pads = [0, 0, 0, 0, 0, 0, 1, 1]
    net.add_in_form("Pad", "clipped", "padded", since=11, fixed={"mode": "constant"}, pads=pads)
    net.add("MaxPool", ["padded"], "pooled", kernel_shape=[2, 2], strides=[1, 1])
    net.upsample("pooled", "upsampled")
    net.add_in_form("Split", "upsampled", "a", "b", since=13, fixed={"axis": 1}, split=[4, 4])
    net.add("Mul", ["a", "b"], "product")
    sliced = {"starts": [1], "ends": [9], "axes": [2]}
    net.add_in_form("Slice", "product", "sliced", since=10, fixed={}, **sliced)
    net.add_in_form("ReduceMean", "sliced", "mean", since=18, fixed={"keepdims": 1}, axes=[2, 3])
    net.add_in_form("Squeeze", "mean", "squeezed", since=13, fixed={}, axes=[2, 3])
    net.add("Dropout", ["squeezed"], "kept")
    net.add("Gemm", ["kept", net.normal(4, 5), net.normal(5)], "dense")
    net.add("Softmax", ["dense"], "y", axis=1)
    return net.model("N" if opset % 2 else 1)


@pytest.fixture(scope="module", params=OPSETS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("opsets") / f"opset_{request.param}.onnx"
    onnx.save(network(request.param), path)
    return path


def samples() -> Array:
    return np.random.default_rng(3).normal(size=(SAMPLES, 3, 12, 12)).astype(np.float32)


def by_onnxruntime(path: Path) -> Array:
    """One sample at a time."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": x[None]})[0] for x in samples()])


def test_is_read_as_a_graph_of_operator_set_13_or_later(model: Path) -> None:
    graph: Graph = load_model(model)
    assert graph.opset >= 13


def test_compiles_for_a_microcontroller_and_computes_what_onnxruntime_computes(
    model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "artifact"
    artifact = compiled(folder, model, "cortex-m4", precision="float32", compiler="none")
    program = program_of(artifact)
    found = from_program(program, execute(program, to_program(program, {"x": samples()})))
    np.testing.assert_allclose(found["y"], by_onnxruntime(model), rtol=1e-4, atol=1e-6)


def test_compiles_for_jetson_nano_in_an_operator_set_that_it_reads(
    model: Path, tmp_path: Path
) -> None:
    artifact = compiled(tmp_path / "artifact", model, "jetson-nano", precision="float32")
    assert onnx.load(artifact.folder / ONNX).opset_import[0].version <= 13
    found = by_onnxruntime(artifact.folder / ONNX)
    np.testing.assert_allclose(found, by_onnxruntime(model), rtol=1e-4, atol=1e-6)
