"""--precision w4a8: weights of 4 bits, int8 activations, the same numbers in every runtime."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from command_line import CALIBRATION, EVALUATION, MODEL, edgetool, succeed


@pytest.fixture(scope="module")
def narrow(clang: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn with 4-bit weights for a core."""
    folder = tmp_path_factory.mktemp("w4a8") / "digits-m4"
    succeed("compile", MODEL, "--target", "cortex-m4", "--precision", "w4a8",
            "--calibrate", CALIBRATION, "--output", folder)  # fmt: skip
    return folder


def test_every_runtime_computes_the_same(narrow: Path, emulator: None) -> None:
    content = succeed("verify", narrow, "--samples", EVALUATION, "--emulated-samples", 3, "--json")
    runtimes = {runtime["name"]: runtime for runtime in content.json["runtimes"]}
    assert content.json["holds"]
    assert runtimes["cortex_m"]["bit_exact"]
    assert runtimes.get("litert", runtimes["reference"])["bit_exact"]


def test_constants_take_less_flash_than_int8(narrow: Path, tmp_path: Path) -> None:
    usual = tmp_path / "int8"
    succeed("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION,
            "--output", usual)  # fmt: skip
    sizes = [
        json.loads((folder / "manifest.json").read_text())["figures"]["constant_bytes"]["value"]
        for folder in (narrow, usual)
    ]
    assert sizes[0] < 0.8 * sizes[1]


def test_the_exported_onnx_keeps_its_weights_when_it_comes_back(
    narrow: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    succeed("compile", narrow / "model.onnx", "--target", "cortex-m4", "--compiler", "none",
            "--output", again)  # fmt: skip
    assert json.loads((again / "manifest.json").read_text())["precision"] == "w4a8"
    before, after = (int4_weights(folder / "model.onnx") for folder in (narrow, again))
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)


def test_a_target_without_4_bit_weights_refuses_them(here: Path) -> None:
    finished = edgetool("compile", MODEL, "--target", "raspberry-pi-5", "--precision", "w4a8",
                        "--calibrate", CALIBRATION, "--json")  # fmt: skip
    assert finished.code == 2
    assert "has no w4a8" in finished.json["error"]["message"]


def int4_weights(path: Path) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """The INT4 constants of rank 2 and more, by name."""
    model = onnx.load(path)
    found = [c for c in model.graph.initializer if c.data_type == onnx.TensorProto.INT4]
    assert found
    return {c.name: onnx.numpy_helper.to_array(c).astype(np.int8) for c in found if len(c.dims) > 1}
