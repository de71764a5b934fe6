"""edgetool firmware, and --device of profile and verify: what a user types and is told."""

from __future__ import annotations

import errno
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import needs
import schemas
from board_line import Line, host_board, qemu_command
from command_line import CALIBRATION, MODEL, edgetool, nothing_changes, succeed
from edgetool.compilers.elf import read_elf
from edgetool.transports import serial as serial_port

EXIT_USAGE, EXIT_DEVICE, EXIT_CHECK = 2, 4, 5


@pytest.fixture(scope="module")
def digits(clang: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn for a Cortex-M4."""
    needs.require_module("serial", "pip install 'edgetool[mcu]'")
    folder = tmp_path_factory.mktemp("boards") / "digits"
    succeed("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION,
            "--compiler", "none", "--output", folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def built(digits: Path) -> dict[str, Any]:
    """What `firmware --json` said of the firmware for QEMU."""
    content = succeed("firmware", digits, "--port", "qemu", "--json").json
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def board(built: dict[str, Any]) -> Iterator[Line]:
    """A board that runs it."""
    elf = Path(built["folder"]) / built["elf"]
    with Line(qemu_command(built["qemu_machine"], elf)) as line:
        yield line


def test_firmware_says_what_it_wrote(built: dict[str, Any], digits: Path) -> None:
    schemas.validate(built, "firmware")
    folder = Path(built["folder"])
    assert folder == digits.with_name("digits-firmware")
    described = json.loads((folder / "firmware.json").read_text())
    assert described["elf_sha256"] == built["elf_sha256"]
    assert (folder / built["bin"]).stat().st_size > 10_000
    assert "qemu-system-arm -M mps2-an386" in (folder / "README.md").read_text()


def test_a_firmware_that_is_there_is_not_replaced_without_force(
    built: dict[str, Any], digits: Path, here: Path
) -> None:
    with nothing_changes(Path(built["folder"])):
        refused = edgetool("firmware", digits)
    assert refused.code == EXIT_USAGE
    assert "already exists" in refused.err
    (here / "mine").mkdir()
    (here / "mine" / "file").touch()
    refused = edgetool("firmware", digits, "--output", here / "mine", "--force")
    assert refused.code == EXIT_USAGE
    assert "without firmware.json: --force does not replace it" in refused.err


def test_profile_of_a_board_prints_figures_layers_and_raw_samples(
    board: Line, digits: Path
) -> None:
    content = succeed("profile", digits, "--device", board.path, "--repeats", 4, "--json").json
    schemas.validate(content, "profile")
    assert content["instructions"]["kind"] == "emulated"
    assert content["instructions"]["value"] > 100_000
    assert content["samples"]["instructions"]["kind"] == "emulated"
    assert len(content["samples"]["instructions"]["values"]) == 4
    layers = {layer["name"]: layer for layer in content["layers"]}
    assert layers["dense"]["instructions"]["value"] > 600
    assert content.keys().isdisjoint({"cycles", "latency_s"})
    assert content["details"]["port"] == "qemu-mps2-an386"
    assert content["details"]["compiler"].startswith("clang ")
    assert any("nothing here was measured on hardware" in note for note in content["notes"])
    assert set(schemas.bare_numbers(content)) == {
        "schema_version",
        "layers[].output_shape[]",
        "samples.instructions.values[]",
        "details.inferences",
        "details.broken_frames",
        "details.repeated_requests",
    }


def test_profile_of_a_board_shows_each_layers_share(board: Line, digits: Path) -> None:
    shown = succeed("profile", digits, "--device", board.path, "--repeats", 1).out
    head = ["layer", "operator", "instructions", "share", "per", "MAC"]
    assert any(line.split() == head for line in shown.splitlines())
    assert "instructions_iqr" not in shown, "one run has no spread"
    [row] = [line for line in shown.splitlines() if line.startswith("pointwise_2 ")]
    assert row.split()[3].endswith("%")


def test_verify_asks_the_board_instead_of_the_emulator(board: Line, digits: Path) -> None:
    content = succeed("verify", digits, "--device", board.path, "--json").json
    schemas.validate(content, "verify")
    runtimes = {runtime["name"]: runtime for runtime in content["runtimes"]}
    assert "cortex_m" not in runtimes
    assert runtimes["board"]["bit_exact"] is True
    assert set(runtimes["board"]["per_operator_max_lsb"]) >= {"conv_stem", "dense", "softmax"}


def test_a_board_that_computes_something_else_ends_with_the_layers_name(
    built: dict[str, Any], digits: Path, tmp_path: Path
) -> None:
    elf = tmp_path / "firmware.elf"
    content = bytearray((Path(built["folder"]) / built["elf"]).read_bytes())
    read = read_elf(Path(built["folder"]) / built["elf"])
    weights = next(s for name, s in read.symbols.items() if "pointwise_3_weights" in name)
    at = content.index(read.read(weights.address, weights.size))
    for offset in range(8, 72):
        content[at + offset] ^= 0x40
    elf.write_bytes(content)
    with Line(qemu_command(built["qemu_machine"], elf)) as line:
        finished = edgetool("verify", digits, "--device", line.path)
    assert finished.code == EXIT_CHECK
    assert "board: layer pointwise_3 differs by" in finished.err


def test_another_model_on_the_board_is_told_by_its_sha256(
    board: Line, digits: Path, here: Path
) -> None:
    succeed("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION,
            "--compiler", "none", "--ranges", "minmax", "--output", "other")  # fmt: skip
    for verb in ("profile", "verify"):
        finished = edgetool(verb, "other", "--device", board.path)
        assert finished.code == EXIT_DEVICE
        assert finished.err.startswith("error: another model is on the board: 'model'")
        assert "--flash" in finished.err


def test_a_port_that_is_not_there_lists_those_that_are(digits: Path) -> None:
    finished = edgetool("profile", digits, "--device", "/dev/ttyNONE9", "--json")
    assert finished.code == EXIT_DEVICE
    schemas.validate(finished.json, "error")
    assert finished.json["error"]["message"] == "no serial port '/dev/ttyNONE9'"
    assert finished.json["error"]["details"][0].startswith("there are: ")


def test_a_port_that_another_program_has_open_is_named(board: Line, digits: Path) -> None:
    with serial_port.SerialPort(board.path):
        finished = edgetool("verify", digits, "--device", board.path)
    assert finished.code == EXIT_DEVICE
    assert f"'{board.path}' is in use by another program" in finished.err


def test_a_port_without_permission_names_the_group(
    digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EACCES, "could not open port: Permission denied")

    monkeypatch.setattr("serial.Serial", refuse)
    finished = edgetool("profile", digits, "--device", "/dev/ttyACM0")
    assert finished.code == EXIT_DEVICE
    assert "error: no permission to open '/dev/ttyACM0'" in finished.err
    assert "usermod -aG dialout" in finished.err


def test_a_file_is_no_serial_port(digits: Path, here: Path) -> None:
    (here / "file").touch()
    finished = edgetool("profile", digits, "--device", here / "file")
    assert finished.code == EXIT_DEVICE
    assert "as a serial port" in finished.err


def test_without_pyserial_the_extra_is_named(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, package=None: None if name == "serial" else found(name, package),
    )
    finished = edgetool("profile", digits, "--device", "/dev/ttyACM0")
    assert finished.code == EXIT_USAGE
    assert "pip install 'edgetool[mcu]'" in finished.err


def test_a_board_that_says_nothing_ends_with_an_error(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.runtimes.serial_board.board.OPEN_TIMEOUT_S", 0.3)
    with Line([host_board(tmp_path)]) as line:
        line.to_host = lambda data: b""
        finished = edgetool("profile", digits, "--device", line.path)
    assert finished.code == EXIT_DEVICE
    assert finished.err.startswith(f"error: no answer from '{line.path}' within 0.3 s")


@pytest.mark.parametrize("verb", ["profile", "verify"])
@pytest.mark.parametrize("option", [("--emulator", "qemu"), ("--compiler", "gcc")])
def test_a_board_and_an_emulator_are_not_asked_at_once(
    verb: str, option: tuple[str, str], digits: Path
) -> None:
    finished = edgetool(verb, digits, "--device", "/dev/ttyACM0", *option)
    assert finished.code == EXIT_USAGE
    assert "two ways" in finished.err


def test_a_linux_artifact_has_no_serial_board(for_linux: Path, here: Path) -> None:
    finished = edgetool("profile", for_linux, "--device", "/dev/ttyACM0")
    assert finished.code == EXIT_USAGE
    assert "a serial port cannot run it" in finished.err
    finished = edgetool("firmware", for_linux)
    assert finished.code != 0
    assert "raspberry-pi-5" in finished.err


def test_an_unknown_port_of_the_firmware_lists_those_that_are(digits: Path, here: Path) -> None:
    finished = edgetool("firmware", digits, "--port", "teensy", "--output", "fw")
    assert finished.code == EXIT_USAGE
    assert "port 'teensy' is not known" in finished.err
    assert "qemu" in finished.err


def test_firmware_for_mlperf_tinys_runner_says_so(digits: Path, here: Path) -> None:
    content = succeed("firmware", digits, "--mlperf-tiny", "kws01", "--output", "fw", "--json").json
    schemas.validate(content, "firmware")
    assert content["mlperf_tiny"] == "kws01"
    assert "edge_mlperf_main()" in Path("fw/README.md").read_text()
    assert Path("fw/src/edge_mlperf.c").is_file()
    assert not Path("fw/src/main.c").exists(), "a vendor's project has its own"
    refused = edgetool("firmware", digits, "--mlperf-tiny", "sww01", "--output", "other")
    assert refused.code == EXIT_USAGE
    assert "one of: kws01, ic01, vww01, ad01" in refused.err
