"""--precision w4: weights of 4 bits in blocks, float arithmetic, in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from refused_commands import refused

from command_line import CALIBRATION, DIGITS, EVALUATION, MODEL, succeed

COMPILE = ("compile", MODEL, "--target", "host", "--precision", "w4")
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn with weights of 4 bits. Not to be changed."""
    folder = tmp_path_factory.mktemp("w4") / "digits"
    succeed(*COMPILE, "--output", folder)
    return folder


def constants(artifact: Path) -> dict[str, Array]:
    """Of model.onnx, by name."""
    initializers = onnx.load(artifact / "model.onnx").graph.initializer
    return {each.name: onnx.numpy_helper.to_array(each) for each in initializers}


def weights(artifact: Path) -> dict[str, Array]:
    """Stored weights by layer."""
    graph, found = onnx.load(artifact / "model.onnx").graph, constants(artifact)
    stored = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    layers = (node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul"))
    return {layer.name: found[stored[layer.input[1]]] for layer in layers}


def outputs(model: Path, optimised: bool, accuracy_level: int) -> Array:
    """Of 40 random images, in ONNX Runtime."""
    options, levels = onnxruntime.SessionOptions(), onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    )
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", str(accuracy_level))
    session = onnxruntime.InferenceSession(str(model), options)
    images = np.random.default_rng(0).uniform(0, 1, (40, 1, 1, 8, 8)).astype(np.float32)
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image})[0] for image in images])


def test_layers_that_fill_a_block_are_int4_and_the_others_int8(narrow: Path) -> None:
    for layer, stored in weights(narrow).items():
        fills = layer == "dense" or stored.shape[1] >= 16
        assert stored.dtype == (ml_dtypes.int4 if fills else np.int8), layer
        assert np.abs(stored.astype(int)).max() <= (7 if fills else 127)
    assert {stored.dtype.name for stored in weights(narrow).values()} == {"int4", "int8"}


def test_onnxruntime_computes_what_the_reference_executor_does(narrow: Path) -> None:
    model = narrow / "model.onnx"
    exact = outputs(model, optimised=False, accuracy_level=1)
    np.testing.assert_allclose(outputs(model, True, 1), exact, atol=1e-5)
    np.testing.assert_allclose(outputs(model, True, 4), exact, atol=0.01)
    assert succeed("verify", narrow, "--samples", EVALUATION).code == 0


def test_onnxruntime_makes_its_4_bit_kernel_of_the_dense_layer(
    narrow: Path, tmp_path: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(narrow / "model.onnx"), options)
    nodes = onnx.load(tmp_path / "optimised.onnx").graph.node
    assert "MatMulNBits" in {node.op_type for node in nodes}


def test_accuracy_is_close_to_float_in_a_file_of_less_than_half(narrow: Path, here: Path) -> None:
    whole = ("--samples", f"{DIGITS / 'evaluation.npz'}", "--reference", MODEL, "--json")
    found = succeed("evaluate", narrow, *whole).json
    assert found["metric"]["top1"]["value"] >= 0.97
    assert found["sqnr_db"]["value"] > 20
    assert (narrow / "model.onnx").stat().st_size < MODEL.stat().st_size / 2
    assert not (narrow / "model.tflite").exists()


def test_weights_come_back_to_the_bit_under_the_same_name(narrow: Path, here: Path) -> None:
    again = succeed(
        "compile", narrow / "model.onnx", "--target", "host", "--output", "again", "--json"
    ).json
    assert again["precision"] == "w4"
    first, second = constants(narrow), constants(here / "again")
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])
        assert array.dtype == second[name].dtype


def test_mixed_layers_come_back_as_int8_with_their_parameters(here: Path) -> None:
    made = ("compile", MODEL, "--target", "host", "--precision", "int8", "--budget", "sqnr=30dB")
    succeed(*made, "--calibrate", CALIBRATION, "--output", "mixed")
    assert {stored.dtype.name for stored in weights(here / "mixed").values()} == {"int4", "int8"}
    again = ("compile", "mixed/model.onnx", "--target", "host", "--output", "again", "--json")
    assert succeed(*again).json["precision"] == "int8"
    first, second = constants(here / "mixed"), constants(here / "again")
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    refused(
        here,
        ("compile", "mixed/model.onnx", "--target", "raspberry-pi-5"),
        2,
        "target 'raspberry-pi-5' has no w4a8, and some layers have 4-bit weights",
        "give the float model",
    )


@pytest.mark.parametrize(
    ("target", "hint"), [("cortex-m4", "--precision w4a8"), ("jetson-orin-nano", "float16")]
)
def test_targets_without_it_name_what_they_have(target: str, hint: str, here: Path) -> None:
    command = ("compile", MODEL, "--target", target, "--precision", "w4")
    refused(here, command, 2, f"target '{target}' has no w4", hint)
