"""--precision w4a4: 4-bit weights and activations, simulated in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import onnx
import pytest
from refused_commands import refused

import schemas
from command_line import CALIBRATION, DIGITS, EVALUATION, MODEL, succeed

COMPILE = ("compile", MODEL, "--target", "host", "--precision", "w4a4")
DATA = ("--calibrate", DIGITS / "calibration.npz", "--evaluate", DIGITS / "evaluation.npz")
WEIGHTED = ("Conv", "Gemm")


def element_types(names: Iterable[str], graph: onnx.GraphProto) -> set[int]:
    """Of what a DequantizeLinear that makes one of these values reads, by its zero point."""
    constants = {each.name: each.data_type for each in graph.initializer}
    makers = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    return {constants[makers[name].input[2]] for name in names}


def test_what_layers_multiply_has_4_bits_and_the_rest_8(here: Path) -> None:
    succeed(*COMPILE, "--calibrate", CALIBRATION, "--output", "narrow")
    graph = onnx.load("narrow/model.onnx").graph
    layers = [node for node in graph.node if node.op_type in WEIGHTED]
    image = next(n for n in graph.node if n.input[0] == graph.input[0].name).output[0]
    first = [
        n.output[0] for n in graph.node if n.op_type == "DequantizeLinear" and n.input[0] == image
    ]
    entering = {node.input[0] for node in layers}
    assert element_types({node.input[1] for node in layers}, graph) == {onnx.TensorProto.INT4}
    assert element_types(entering - set(first), graph) == {onnx.TensorProto.INT4}
    assert element_types(first, graph) == {onnx.TensorProto.INT8}
    softmax = next(node for node in graph.node if node.op_type == "Softmax")
    assert element_types([softmax.input[0]], graph) == {onnx.TensorProto.INT8}


def test_recovery_is_worth_decibels_and_the_score_says_that_it_is_simulated(here: Path) -> None:
    content = succeed(*COMPILE, *DATA, "--effort", "normal", "--json").json
    schemas.validate(content, "compile")
    assert content["metric"]["top1"]["value"] > 0.95
    assert content["metric"]["top1"]["source"].startswith("simulated, onnxruntime")
    assert any("w4a4 is simulated" in note for note in content["notes"])
    recovery = content["recovery"]
    reached = recovery["steps"][-1]["sqnr_db"]["value"]
    assert reached > recovery["sqnr_db"]["value"] + 3
    found = succeed("evaluate", content["artifact"], "--samples", DIGITS / "evaluation.npz",
                    "--reference", MODEL, "--json").json  # fmt: skip
    assert found["sqnr_db"]["value"] == pytest.approx(reached, abs=0.1)
    assert found["metric"]["top1"]["value"] == content["metric"]["top1"]["value"]


def test_the_report_advises_8_bits_of_activation(here: Path) -> None:
    options = ("--calibrate", CALIBRATION, "--evaluate", EVALUATION, "--report")
    succeed(*COMPILE, *options, "--output", "reported")
    content = succeed("report", "reported", "--json").json
    schemas.validate(content, "quantization")
    assert {"int4", "int8"} == {layer["dtype"] for layer in content["layers"]}
    advised = {each["option"] for each in content["try"]}
    assert advised & {"--precision w4a8", "--precision int8", "--effort normal"}
    assert "--precision int16x8" not in advised


def test_files_hold_no_weights_that_nothing_reads(here: Path) -> None:
    command = ("compile", MODEL, "--target", "host", "--precision", "int8", "--effort", "normal")
    succeed(*command, "--calibrate", CALIBRATION, "--output", "eight")
    graph = onnx.load("eight/model.onnx").graph
    read = {name for node in graph.node for name in node.input}
    assert {each.name for each in graph.initializer} <= read


def test_boards_refuse_it(here: Path) -> None:
    command = ("compile", MODEL, "--target", "cortex-m4", "--precision", "w4a4")
    refused(here, command, 2, "target 'cortex-m4' has no w4a4", "--precision w4a8")
