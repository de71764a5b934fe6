"""--precision int16x8: int16 activations, int8 weights, the same numbers in every runtime."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

from command_line import CALIBRATION, EVALUATION, MODEL, edgetool, succeed


@pytest.fixture(scope="module")
def wide(clang: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn with int16 activations for a core."""
    folder = tmp_path_factory.mktemp("int16x8") / "digits-m4"
    succeed("compile", MODEL, "--target", "cortex-m4", "--precision", "int16x8",
            "--calibrate", CALIBRATION, "--output", folder)  # fmt: skip
    return folder


def test_every_runtime_computes_the_same(wide: Path, emulator: None) -> None:
    content = succeed("verify", wide, "--samples", EVALUATION, "--emulated-samples", 5, "--json")
    runtimes = {runtime["name"]: runtime for runtime in content.json["runtimes"]}
    assert content.json["holds"]
    assert runtimes["cortex_m"]["bit_exact"]
    assert runtimes.get("litert", runtimes["reference"])["bit_exact"]


def test_it_is_closer_to_the_float_model_than_int8(wide: Path, tmp_path: Path) -> None:
    narrow = tmp_path / "int8"
    succeed("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION,
            "--compiler", "none", "--output", narrow)  # fmt: skip
    noise = {
        folder: succeed("evaluate", folder, "--samples", EVALUATION, "--reference", MODEL, "--json")
        for folder in (wide, narrow)
    }
    assert noise[wide].json["sqnr_db"]["value"] > noise[narrow].json["sqnr_db"]["value"]
    assert noise[wide].json["decisions_equal"]["value"] == 1.0


def test_inputs_and_outputs_are_int16_unless_told_otherwise(wide: Path, here: Path) -> None:
    manifest = json.loads((wide / "manifest.json").read_text())
    assert (manifest["io"], manifest["precision"]) == ("int16", "int16x8")
    assert "const int16_t *input, int16_t *output" in (wide / "c" / "src" / "model.h").read_text()
    finished = edgetool("compile", MODEL, "--target", "cortex-m4", "--precision", "int16x8",
                        "--calibrate", CALIBRATION, "--io", "int8", "--json")  # fmt: skip
    assert finished.code == 3
    assert "cannot be int8" in finished.json["error"]["message"]


def test_the_exported_onnx_keeps_its_parameters_when_it_comes_back(
    wide: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    succeed("compile", wide / "model.onnx", "--target", "cortex-m4", "--compiler", "none",
            "--output", again)  # fmt: skip
    assert json.loads((again / "manifest.json").read_text())["precision"] == "int16x8"
    scales = [scales_of(folder / "model.onnx") for folder in (wide, again)]
    assert scales[0] == scales[1]


def scales_of(path: Path) -> list[float]:
    """Every scale that a quantizer reads, in the order of the nodes."""
    model = onnx.load(path)
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in model.graph.initializer}
    quantizers = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    return [float(constants[node.input[1]]) for node in quantizers]
