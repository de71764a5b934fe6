"""The pipeline runs passes in order, checks each, and says what each cost."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgetool import pipeline
from edgetool.errors import EdgetoolError
from edgetool.graph import Graph, ModelSource
from edgetool.passes import PassContext, PassResult
from networks import inverted_residual, random_inputs

SOURCE = ModelSource("net.onnx", "onnx", "0" * 64)


def network() -> Graph:
    return Graph(ir.serde.deserialize_model(inverted_residual(1, "N")), SOURCE)


def calibrated() -> PassContext:
    model = inverted_residual(1, 1)
    rows = [random_inputs(model, seed)["image"][0] for seed in range(6)]
    return PassContext(calibration={"image": np.stack(rows)})


def test_each_pass_module_exists() -> None:
    import importlib

    for step in (*pipeline.FLOAT, *pipeline.QUANTIZE):
        assert callable(importlib.import_module(f"edgetool.passes.{step.name}").run)


def test_the_callers_graph_is_not_changed() -> None:
    graph = network()
    before = ir.serde.serialize_model(graph.model).SerializeToString()
    pipeline.run_pipeline(graph, calibrated(), (pipeline.FLOAT, pipeline.QUANTIZE))
    assert ir.serde.serialize_model(graph.model).SerializeToString() == before


def test_reports_say_what_changed_and_what_it_cost() -> None:
    graph, reports = pipeline.run_pipeline(
        network(), calibrated(), (pipeline.FLOAT, pipeline.QUANTIZE)
    )
    assert graph.is_quantized()
    rows = {row["name"]: row for row in json.loads(json.dumps([r.to_json() for r in reports]))}
    assert rows["fix_shapes"]["changed"]
    cost = rows["quantize_static"]["cost"]
    assert cost["samples"] == pipeline.COST_SAMPLES
    assert 10 < cost["sqnr_db"]["value"] < 80
    assert rows["quantize_static"]["nodes_after"] > rows["quantize_static"]["nodes_before"]


def test_no_cost_is_claimed_without_data() -> None:
    _, reports = pipeline.run_pipeline(network(), PassContext())
    assert all(report.cost is None for report in reports)


def test_a_second_run_changes_nothing() -> None:
    graph, _ = pipeline.run_pipeline(network(), PassContext())
    _, reports = pipeline.run_pipeline(graph, PassContext())
    assert [report.name for report in reports if report.changed] == []


def test_float_passes_keep_outputs_within_1e_5() -> None:
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[N,3,8,8] x) => (float[N,2] y) {
            p = Pad(x, pads) c = Conv(p, w) n = BatchNormalization(c, g, b, m, v) r = Relu(n)
            a = ReduceMean<axes=[2,3], keepdims=0>(r) f = MatMul(a, d) y = Add(f, e) }""")
    rng = np.random.default_rng(3)
    shapes: dict[str, Any] = {
        "w": (4, 3, 3, 3),
        "g": 4,
        "b": 4,
        "m": 4,
        "v": 4,
        "d": (4, 2),
        "e": 2,
    }
    constants = {name: abs(rng.standard_normal(s)).astype(np.float32) for name, s in shapes.items()}
    constants["pads"] = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    for name, array in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    graph = Graph(ir.serde.deserialize_model(model), SOURCE)
    data = {"x": rng.standard_normal((6, 3, 8, 8)).astype(np.float32)}
    result, reports = pipeline.run_pipeline(graph, PassContext(calibration=data))
    changed = {report.name for report in reports if report.cost is not None}
    assert {"canonicalise_operators", "make_gemm", "fold_batchnorm", "fold_padding"} <= changed
    wanted = ["Conv", "Relu", "GlobalAveragePool", "Reshape", "Gemm"]
    assert [node.op_type for node in result.graph] == wanted
    assert all(r.cost.max_difference <= 1e-5 for r in reports if r.cost is not None)


def test_a_pass_that_breaks_the_graph_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ModuleType("edgetool.passes.break_graph")

    def run(graph: Graph, context: PassContext) -> PassResult:
        graph.graph[0].outputs[0].shape = None
        return PassResult(graph, True, ("broken",))

    monkeypatch.setattr(broken, "run", run, raising=False)
    monkeypatch.setitem(sys.modules, "edgetool.passes.break_graph", broken)
    steps = (pipeline.Step("fix_shapes"), pipeline.Step("break_graph"))
    with pytest.raises(EdgetoolError, match="break_graph") as caught:
        pipeline.run_pipeline(network(), PassContext(), (steps,))
    assert caught.value.exit_code == 70
