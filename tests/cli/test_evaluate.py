"""edgetool evaluate: scores, closeness to a reference, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from refused_commands import refused

import schemas
from command_line import CALIBRATION, DIGITS, EVALUATION, MODEL, edgetool, succeed
from edgetool import evaluation
from edgetool.artifact import Artifact
from edgetool.data import InputSpec, load_data
from edgetool.errors import DataError
from edgetool.program.boundary import from_program, to_program
from edgetool.program.executor import execute
from edgetool.runtimes.onnxruntime import OnnxRuntimeSession


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn in int8, sources only."""
    folder = tmp_path_factory.mktemp("evaluate") / "digits-m4"
    succeed("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION,
            "--compiler", "none", "--output", folder)  # fmt: skip
    return folder


def test_an_artifact_is_scored_alone_and_against_its_float_model(quantized: Path) -> None:
    content = succeed(
        "evaluate", quantized, "--samples", EVALUATION, "--reference", MODEL, "--json"
    ).json
    schemas.validate(content, "evaluate")
    expected, found = outputs_of(quantized)
    noise = ((expected - found) ** 2).sum()
    assert content["sqnr_db"]["value"] == pytest.approx(
        10 * np.log10((expected**2).sum() / noise), abs=1e-3
    )
    same = (expected.argmax(axis=1) == found.argmax(axis=1)).mean()
    assert content["decisions_equal"]["value"] == pytest.approx(same)
    labels = np.load(DIGITS / "evaluation.npz")["y"][:50]
    assert content["metric"]["top1"]["value"] == (found.argmax(axis=1) == labels).mean()
    assert content["reference_metric"]["top1"]["value"] == (
        (expected.argmax(axis=1) == labels).mean()
    )


def input_of_digits() -> InputSpec:
    """What digits-cnn reads."""
    return InputSpec("image", (1, 1, 8, 8), "float32")


def outputs_of(artifact: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(the float model's, the artifact's) outputs for the evaluation data, (samples, classes)."""
    data = load_data(EVALUATION, [input_of_digits()]).inputs
    [expected] = OnnxRuntimeSession(MODEL, optimised=False).run(data).values()
    program = Artifact.open(artifact).program()
    assert program is not None
    [found] = from_program(program, execute(program, to_program(program, data))).values()
    return expected[:, 0].astype(np.float64), found.astype(np.float64)


def test_a_model_file_is_scored_without_an_artifact() -> None:
    content = succeed("evaluate", MODEL, "--samples", EVALUATION, "--json").json
    schemas.validate(content, "evaluate")
    assert content["metric"]["top1"]["value"] > 0.9
    assert "reference_metric" not in content


def test_a_model_equals_itself_and_has_no_noise_figure() -> None:
    finished = succeed("evaluate", MODEL, "--samples", EVALUATION, "--reference", MODEL, "--json")
    assert finished.json["decisions_equal"]["value"] == 1.0
    assert "sqnr_db" not in finished.json
    assert "Infinity" not in finished.out
    said = succeed("evaluate", MODEL, "--samples", EVALUATION, "--reference", MODEL).out
    assert "identical to the reference's" in said


def test_samples_without_labels_give_closeness_and_no_metric(
    quantized: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "x.npz", x=load_data(EVALUATION, [input_of_digits()]).inputs["image"])
    content = succeed("evaluate", quantized, "--samples", tmp_path / "x.npz",
                      "--reference", MODEL, "--json").json  # fmt: skip
    assert content["metric"] == {}
    assert content["sqnr_db"]["value"] > 10


def test_samples_without_labels_and_reference_are_refused(here: Path) -> None:
    np.savez(here / "x.npz", x=load_data(EVALUATION, [input_of_digits()]).inputs["image"])
    message = "'x.npz' has no labels that suggest a metric, and there is no reference"
    refused(here, ("evaluate", MODEL, "--samples", "x.npz"), 2, message, "--reference MODEL")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nothing-here", "--samples", EVALUATION), 2, "nothing-here"),
        ((MODEL, "--samples", "no-such.npz"), 2, "no-such.npz"),
        ((MODEL, "--samples", EVALUATION, "--metric", "f1"), 2, "metric 'f1' is not known"),
        ((MODEL, "--samples", EVALUATION, "--reference", "none.onnx"), 2, "none.onnx"),
    ],
)
def test_what_cannot_be_scored_is_refused(arguments: tuple[str, ...], code: int, said: str) -> None:
    finished = edgetool("evaluate", *arguments, "--json")
    assert finished.code == code
    assert said in json.loads(finished.out)["error"]["message"]


def test_outputs_that_differ_in_size_or_number_are_refused() -> None:
    ten, three = np.zeros((4, 10)), np.zeros((4, 3))
    with pytest.raises(DataError, match="is \\(3,\\), the reference's is \\(10,\\)"):
        evaluation.closeness({"y": ten}, {"y": three}, "judge")
    with pytest.raises(DataError, match="has 1 outputs, the model 2"):
        evaluation.closeness({"y": ten}, {"y": ten, "z": ten}, "judge")


class Saturating:
    """A stand-in for ONNX Runtime on a CPU whose optimised int8 kernels saturate."""

    def __init__(self, model: object, *, optimised: bool) -> None:
        self.optimised = optimised

    def run(self, inputs: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
        x = next(iter(inputs.values())).reshape(len(next(iter(inputs.values()))), -1)
        return {"y": -x if self.optimised else x}


def test_a_cpu_on_which_onnxruntime_computes_otherwise_is_named(
    quantized: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "OnnxRuntimeSession", Saturating)
    model = evaluation.open_model(quantized, {})
    dataset = load_data(str(EVALUATION), model.specs)
    [note] = evaluation.cpu_notes(model, dataset)
    assert "computes something else" in note
    assert "-6.0 dB" in note


def save_model(path: Path, text: str) -> Path:
    """A model written as ONNX text."""
    onnx.save(onnx.parser.parse_model(text), path)
    return path


HEAD = '<ir_version: 8, opset_import: ["" : 17]>'


def test_outputs_without_a_batch_dimension_are_scored(tmp_path: Path) -> None:
    text = f"{HEAD} g (float[1, 8] x) => (float y) {{ y = ReduceSum <keepdims = 0> (x) }}"
    model = save_model(tmp_path / "sum.onnx", text)
    x = np.arange(32, dtype=np.float32).reshape(4, 8)
    np.savez(tmp_path / "x.npz", x=x, y=x.sum(axis=1) + np.float32(2))
    found = succeed("evaluate", model, "--samples", tmp_path / "x.npz", "--json").json
    assert found["metric"]["mse"]["value"] == pytest.approx(4.0)


def test_a_model_of_several_samples_at_a_time_is_refused_and_a_shape_helps(tmp_path: Path) -> None:
    text = f"{HEAD} g (float[4, 8] x) => (float[4, 8] y) {{ y = Relu (x) }}"
    model = save_model(tmp_path / "four.onnx", text)
    ones = np.ones((3, 8), np.float32)
    np.savez(tmp_path / "x.npz", x=ones, y=ones)
    finished = edgetool("evaluate", model, "--samples", tmp_path / "x.npz", "--json")
    assert finished.code == 3
    error = finished.json["error"]
    assert "a batch of 4" in error["message"]
    assert error["hints"] == ["--shape x=1,8"]
    succeed("evaluate", model, "--samples", tmp_path / "x.npz", "--shape", "x=1,8")
