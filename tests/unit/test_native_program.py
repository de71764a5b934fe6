"""The model as a program of its own: what it answers, and what it says of wrong requests."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import needs
from edgetool.compilers.native import build_native
from edgetool.errors import DeviceError, UnsupportedOperatorError
from edgetool.program.executor import execute
from edgetool.program.program import Program
from edgetool.runtimes.board import Provided
from edgetool.verification.native import native_program
from golden_programs import classifier

HERE = Provided({"c": None}, {}, 1, platform.machine(), "3.11", 64)
SAMPLES = 3


@pytest.fixture(scope="module")
def program() -> Program:
    return classifier()


@pytest.fixture(scope="module")
def inputs(program: Program) -> np.ndarray[Any, Any]:
    tensor = program.tensors[program.inputs[0]]
    random = np.random.default_rng(5)
    return random.integers(-128, 128, (SAMPLES, *tensor.shape)).astype(tensor.dtype)


@pytest.fixture(scope="module")
def executable(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs.require_module("ziglang", "pip install 'edgetool[mcu]'")
    path: Path = tmp_path_factory.mktemp("native") / "program"
    path.write_bytes(native_program(program, HERE))
    path.chmod(0o700)
    return path


@pytest.fixture
def raw(inputs: np.ndarray[Any, Any], tmp_path: Path) -> Path:
    path = tmp_path / "inputs.bin"
    path.write_bytes(inputs.tobytes())
    return path


def ask(executable: Path, arguments: list[Path], *requests: list[object]) -> list[Any]:
    """Every line that it answers with."""
    text = "".join(json.dumps(request) + "\n" for request in requests)
    command = [str(executable), *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode >= 0, done.returncode
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_outputs_are_those_of_the_reference_bit_by_bit(
    executable: Path, program: Program, inputs: np.ndarray[Any, Any], raw: Path, tmp_path: Path
) -> None:
    target = tmp_path / "outputs.bin"
    ready, answer = ask(executable, [target, raw], ["outputs", SAMPLES, str(target)])
    assert ready["first_inference_s"] > 0
    (name,) = program.outputs
    expected = execute(program, {program.inputs[0]: inputs})[name]
    (port,) = answer["outputs"]
    assert (port["name"], port["dtype"]) == (program.output_names[0], str(expected.dtype))
    assert port["shape"] == list(expected.shape)
    assert target.read_bytes() == expected.tobytes()


def test_a_block_has_as_many_samples_as_were_asked_for(
    executable: Path, raw: Path, tmp_path: Path
) -> None:
    answers = ask(
        executable, [tmp_path / "o", raw], ["block", 7, 0, 2], ["overhead", 5, 1], ["memory"]
    )
    assert [len(answer["samples"]) for answer in answers[1:4:2]] == [7, 5]
    assert [answer["end"] for answer in answers[2:5:2]] == [7, 5]
    assert min(answers[1]["samples"]) > 0
    assert answers[5]["peak_rss_bytes"] >= answers[5]["rss_bytes"] > 0


def test_wrong_arguments_files_and_requests_are_said(
    executable: Path, raw: Path, tmp_path: Path
) -> None:
    target = tmp_path / "outputs.bin"
    assert "arguments, not OUTPUTS" in ask(executable, [target])[0]["message"]
    assert "input 0: No such file" in ask(executable, [target, tmp_path / "no"])[0]["message"]
    many = ["outputs", SAMPLES + 1, ""]
    assert f"for sample {SAMPLES}" in ask(executable, [target, raw], many)[-1]["message"]
    assert "outputs: File exists" in ask(executable, [target, raw], many)[-1]["message"]
    assert "does not know" in ask(executable, [target, raw], ["sing"])[-1]["message"]


def test_a_machine_that_no_c_is_built_for_is_named() -> None:
    with pytest.raises(DeviceError, match="64-bit riscv64"):
        build_native((), (), "riscv64", 64)


def test_a_model_without_a_kernel_has_no_form_in_c(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.verification.native.built_in_root", lambda: tmp_path)
    with pytest.raises(UnsupportedOperatorError, match="the model has no form in C: ") as raised:
        native_program(program, replace(HERE, lacking={"onnxruntime": "no wheels"}))
    assert "onnxruntime: no wheels" in raised.value.details
