"""The firmware that answers MLPerf Tiny's runner: dialogue, results, and any other bytes."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from firmware_models import need_compiler

from board_line import Line, host_board, qemu_command
from compiled import compiled, program_of
from edgetool.artifact import Artifact
from edgetool.compilation.board_firmware import make_firmware
from edgetool.errors import UsageError
from edgetool.program.executor import execute
from edgetool.transports.serial import SerialPort
from needs import require_module
from networks import dense_autoencoder, random_inputs

DIGITS = Path(__file__).parents[2] / "models" / "digits-cnn"
RUNNERS_BYTES = 31  # device_under_test.py sends so many in one command
SEED = 5


class Runner:
    """What benchmark/runner does: a command and '%', then lines until m-ready."""

    def __init__(self, path: str) -> None:
        self.port = SerialPort(path)
        self._left = b""

    def until_ready(self) -> list[str]:
        lines: list[str] = []
        while "m-ready" not in lines:
            data = self.port.read(20)
            assert data, f"silence after {lines}"
            *whole, self._left = (self._left + data).split(b"\r\n")
            lines += [line.decode() for line in whole]
        assert lines[-1] == "m-ready"
        return lines[:-1]

    def send(self, command: str) -> list[str]:
        self.port.write(command.encode() + b"%")
        return self.until_ready()

    def load(self, content: bytes) -> list[str]:
        said = self.send(f"db load {len(content)}")
        assert said == [f"m-[Expecting {len(content)} bytes]"]
        for at in range(0, len(content), RUNNERS_BYTES):
            said = self.send(f"db {content[at : at + RUNNERS_BYTES].hex()}")
        return said


def results_in(lines: list[str]) -> list[float]:
    (line,) = (line for line in lines if line.startswith("m-results-["))
    return [float(word) for word in line.removeprefix("m-results-[").removesuffix("]").split(",")]


def board_for(artifact: Artifact, version: str, folder: Path) -> Line:
    made = make_firmware(artifact, folder, port="qemu", mlperf_tiny=version, compiler="gcc")
    assert made.image is not None
    assert made.qemu_machine is not None
    assert made.to_json()["mlperf_tiny"] == version
    return Line(qemu_command(made.qemu_machine, made.image.elf))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    require_module("serial", "pip install 'edgetool[mcu]'")
    need_compiler("cortex-m4", "gcc")
    folder = tmp_path_factory.mktemp("digits")
    data = f"{DIGITS / 'calibration.npz'}[:20]"
    return compiled(folder / "a", DIGITS / "model.onnx", "cortex-m4", calibrate=data,
                    compiler="none")  # fmt: skip


def expected(artifact: Artifact, sample: int) -> np.ndarray:
    """The reference's outputs as real numbers."""
    program = program_of(artifact)
    _, outputs = artifact.golden()
    tensor = program.tensors[program.outputs[0]]
    (codes,) = outputs.values()
    return (codes[sample].ravel().astype(np.int64) - tensor.zero_point) * np.float32(tensor.scale)


@pytest.mark.parametrize(("version", "offset"), [("kws01", 0), ("ic01", 128)])
def test_the_runners_dialogue_ends_with_the_references_results(
    version: str, offset: int, digits: Artifact, tmp_path: Path
) -> None:
    (inputs,) = digits.golden()[0].values()
    with board_for(digits, version, tmp_path / "firmware") as line:
        runner = Runner(line.path)
        assert runner.until_ready() == ["m-init-done"]
        assert runner.send("name") == ["m-name-dut-[edgetool]"]
        assert f"m-model-[{version}]" in runner.send("profile")
        for sample in (0, 1):
            content = ((inputs[sample].astype(np.int64) + offset) % 256).astype(np.uint8).tobytes()
            assert runner.load(content) == ["m-load-done"]
            said = runner.send("infer 3 1")
            assert [text for text in said if not text.startswith(("m-lap", "m-results"))] == [
                "m-warmup-start-1", "m-warmup-done", "m-infer-start-3", "m-infer-done",
            ]  # fmt: skip
            first, second = (int(lap) for lap in re.findall(r"m-lap-us-(\d+)", "\n".join(said)))
            assert second > first
            assert np.allclose(results_in(said), expected(digits, sample), atol=0.00051)
        assert results_in(runner.send("results")) == results_in(said)
        shown = "".join(runner.send("db print")).replace("m-buffer-", "").replace("-", "")
        assert shown == content.hex()
        runner.port.close()


def test_an_autoencoder_gets_floats_and_gives_its_error(tmp_path: Path) -> None:
    require_module("serial", "pip install 'edgetool[mcu]'")
    need_compiler("cortex-m4", "gcc")
    onnx.save(dense_autoencoder(3), tmp_path / "model.onnx")
    ((name, samples),) = random_inputs(dense_autoencoder(3, "N"), 5, 16).items()
    np.savez(tmp_path / "data.npz", allow_pickle=False, **{name: samples})
    artifact = compiled(tmp_path / "a", tmp_path / "model.onnx", "cortex-m4",
                        calibrate=str(tmp_path / "data.npz"), compiler="none")  # fmt: skip
    program = program_of(artifact)
    given, wanted = (program.tensors[n] for n in (program.inputs[0], program.outputs[0]))
    sample = samples[0].astype(np.float32)
    codes = np.clip(np.round(sample / np.float32(given.scale)) + given.zero_point, -128, 127)
    values = execute(program, {given.name: codes.astype(np.int8).reshape(1, *given.shape)})
    real = (values[wanted.name].ravel().astype(np.int64) - wanted.zero_point) * np.float32(
        wanted.scale
    )
    with board_for(artifact, "ad01", tmp_path / "firmware") as line:
        runner = Runner(line.path)
        runner.until_ready()
        runner.load(sample.tobytes())
        found = results_in(runner.send("infer 1 0"))
        runner.port.close()
    assert len(found) == 1
    assert abs(found[0] - float(np.mean((real - sample.ravel()) ** 2))) < 0.002


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("nonsense", "e-[Unknown command]"),
        ("db", "e-[Command 'db' requires a subcommand]"),
        ("db load", "e-[Command 'db load' requires the # of bytes]"),
        ("db load 0", "e-[Command 'db load' must be >0 bytes]"),
        ("db load 99999999999999999999", "e-[Command 'db load' must be >0 bytes]"),
        ("db load 5201", "e-[Input takes 5200 bytes]"),
        ("db 123", "m-"),
        ("infer 0", "e-[Inference iterations must be >0]"),
        ("infer 1", "e-[Input has 0 bytes, expected 5200]"),
        ("timestamp", "m-lap-us-"),
    ],
)
def test_every_command_is_answered(command: str, said: str, host: Path) -> None:
    done = subprocess.run([host], input=f"{command}%".encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert said in done.stdout.decode()
    assert done.stdout.count(b"m-ready\r\n") == 2


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same firmware as a program of this machine, with floats as inputs, sanitized."""
    return host_board(tmp_path_factory.mktemp("host"), "-DEDGE_HOST_MLPERF=EDGE_MLPERF_FLOAT32")


def test_any_bytes_leave_it_alive_under_sanitizers(host: Path) -> None:
    random.seed(SEED)
    words = [b"db", b"load", b"print", b"infer", b"results", b"name", b"profile", b"timestamp",
             b"%", b"%", b"%", b" ", b" ", b" ", b"1", b"2", b"5200", b"-1", b"99999999999",
             b"ffc00000", b"7f800000", b"00", b"g", b"\0", b"\r\n", b"x" * 90, b"\xff"]  # fmt: skip
    line = b"".join(random.choice(words) for _ in range(6000))
    full = b"%db load 5200%" + b"db " + b"0000807f" * 8 + b"%"
    full += (b"db " + b"0000c0ff" * 9 + b"%") * 145 + b"infer 1 0%name%"
    done = subprocess.run([host], input=line + full, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.endswith(b"m-name-dut-[edgetool]\r\nm-ready\r\n")


def test_models_that_the_runner_cannot_feed_are_refused(digits: Artifact, tmp_path: Path) -> None:
    for version, said in (("sww01", "no model 'sww01'"), ("ad01", "ad01 is an autoencoder")):
        with pytest.raises(UsageError, match=said):
            make_firmware(digits, tmp_path / "fw", mlperf_tiny=version)
    assert not (tmp_path / "fw").exists()
