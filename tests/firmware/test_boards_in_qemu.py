"""The firmware on QEMU's boards, spoken to over a pseudo-terminal exactly as over a wire."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from firmware_models import need_compiler

from board_line import C, Line, qemu_command, qemu_on_a_pty
from compiled import compiled, program_of
from edgetool.artifact import INTERRUPTED, Artifact
from edgetool.compilation.board_firmware import make_firmware
from edgetool.compilers.elf import read_elf
from edgetool.errors import DeviceError
from edgetool.figures import Figure
from edgetool.profiling import profile_artifact
from edgetool.profiling.board import first_golden_input
from edgetool.runtimes.serial_board import Counter, SerialBoard, connect
from edgetool.verification import verify_artifact
from needs import require_module, require_tool

DIGITS = Path(__file__).parents[2] / "models" / "digits-cnn"
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
ARCHITECTURES = ("cortex-m0plus", "cortex-m4", "cortex-m55")
CALL_INSTRUCTIONS = 32  # of the wrapper around <name>_run that the firmware calls


def artifact_for(core: str, folder: Path) -> Artifact:
    """digits-cnn for a core, its C built by gcc."""
    require_module("serial", "pip install 'edgetool[mcu]'")
    require_tool("qemu-system-arm", "apt install qemu-system-arm")
    need_compiler("cortex-m4", "gcc")
    data = f"{DIGITS / 'calibration.npz'}[:20]"
    return compiled(
        folder / "digits",
        DIGITS / "model.onnx",
        core,
        calibrate=data,
        compiler="none",
        name="digits",
    )


@pytest.mark.parametrize("core", CORES)
def test_a_board_computes_the_reference_and_counts_what_the_emulator_counts(
    core: str, tmp_path: Path
) -> None:
    artifact = artifact_for(core, tmp_path)
    made = make_firmware(artifact, tmp_path / "firmware", port="qemu", compiler="gcc")
    assert made.image is not None
    assert made.qemu_machine is not None
    with qemu_on_a_pty(made.qemu_machine, made.image.elf) as port:
        found = profile_artifact(artifact, device=SerialBoard(port), repeats=3)
        verified = verify_artifact(artifact, device=SerialBoard(port))
    board = {result.name: result for result in verified.runtimes}["board"]
    assert (board.problem, board.outputs.exact, board.samples) == (None, True, 4)
    assert all(layer.exact for layer in board.operators.values())
    program = artifact.program()
    assert program is not None
    layers = {op.name for op in program.operations if not op.operator.is_view}
    assert board.operators.keys() == {layer.name for layer in found.layers} == layers

    figures = found.figures
    assert {figures[name].kind for name in ("instructions", "stack_bytes")} == {"emulated"}
    assert "cycles" not in figures
    assert "latency_s" not in figures
    assert len(found.samples["instructions"].values) == 3
    in_layers = sum(layer.figures["instructions"].value for layer in found.layers)
    assert abs(in_layers - figures["instructions"].value) < CALL_INSTRUCTIONS + 10 * len(layers)
    if core in ARCHITECTURES:
        assert_like_the_emulator(artifact, figures)


def assert_like_the_emulator(artifact: Artifact, figures: Mapping[str, Figure]) -> None:
    """Counts of one sample on the board, of all golden samples in the emulator."""
    emulated = profile_artifact(artifact, compiler="gcc", emulator="qemu").figures
    instructions = emulated["instructions"].value
    assert abs(figures["instructions"].value - instructions) < max(300, 0.002 * instructions)
    assert abs(figures["stack_bytes"].value - emulated["stack_bytes"].value) <= 64
    assert figures["arena_used_bytes"].value == emulated["arena_used_bytes"].value


@pytest.fixture(scope="module")
def m4(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifact, list[str]]:
    """digits-cnn for Cortex-M4, and QEMU's command for its firmware, built by clang."""
    require_module("ziglang", "pip install 'edgetool[mcu]'")
    folder = tmp_path_factory.mktemp("m4")
    artifact = artifact_for("cortex-m4", folder)
    made = make_firmware(artifact, folder / "firmware", port="qemu", compiler="clang")
    assert made.image is not None
    return artifact, qemu_command("mps2-an386", made.image.elf)


def test_without_an_instruction_clock_counts_are_absent_and_never_zero(
    m4: tuple[Artifact, list[str]],
) -> None:
    artifact, command = m4
    with Line(command[: command.index("-icount")]) as line:
        found = profile_artifact(artifact, device=SerialBoard(line.path), repeats=2)
    assert found.figures.keys().isdisjoint({"cycles", "instructions", "latency_s"})
    assert found.figures["stack_bytes"].value > 0
    assert (found.layers, found.samples) == ((), {})
    assert any(note.startswith("no cycles: qemu-mps2-an386 has no counter") for note in found.notes)


def test_the_first_layer_that_differs_is_named(
    m4: tuple[Artifact, list[str]], tmp_path: Path
) -> None:
    """One weight changed in the firmware, as a miscompiled kernel or a bad flash cell would."""
    artifact, _ = m4
    made = make_firmware(artifact, tmp_path / "firmware", port="qemu", compiler="clang")
    assert made.image is not None
    symbols = read_elf(made.image.elf).symbols
    weights = next(name for name in symbols if name.startswith("digits_dense_weights"))
    damage(made.image.elf, weights, 5, b"\x55")
    with Line(qemu_command("mps2-an386", made.image.elf)) as line:
        found = verify_artifact(artifact, device=SerialBoard(line.path))
    board = {result.name: result for result in found.runtimes}["board"]
    assert board.problem is not None
    assert board.problem.startswith("layer dense differs by ")
    assert "softmax" not in board.operators, "what comes behind has other inputs"


def damage(elf: Path, symbol: str, offset: int, content: bytes) -> int:
    """Write over what a symbol names; its address."""
    read = read_elf(elf)
    found = read.symbols[symbol]
    image = bytearray(elf.read_bytes())
    at = image.index(read.read(found.address, found.size)) + offset
    assert image[at : at + len(content)] != content
    image[at : at + len(content)] = content
    elf.write_bytes(image)
    return found.address


def test_a_fault_in_the_model_names_its_address_and_the_board_starts_anew(
    m4: tuple[Artifact, list[str]], tmp_path: Path
) -> None:
    artifact, command = m4
    elf = tmp_path / "firmware.elf"
    elf.write_bytes(Path(command[command.index("-kernel") + 1]).read_bytes())
    address = damage(elf, "digits_run", 0, b"\xff\xde")  # UDF #255, Armv7-M A7.7.194
    with Line(qemu_command("mps2-an386", elf)) as line:
        with pytest.raises(DeviceError, match="faulted on the board") as caught:
            profile_artifact(artifact, device=SerialBoard(line.path), repeats=2)
        assert f"pc {address:#010x}" in caught.value.details[0]
        with connect(SerialBoard(line.path), artifact.sha256) as board:
            assert board.identity.model == "digits", "it answers again after its own reset"


def test_counts_so_far_are_kept_when_the_board_goes(m4: tuple[Artifact, list[str]]) -> None:
    artifact, command = m4
    with Line(command) as line:

        def unplug(done: int, total: int, label: str) -> None:
            line.reset()

        with pytest.raises(DeviceError, match="was reset") as caught:
            profile_artifact(artifact, device=SerialBoard(line.path), repeats=500, progress=unplug)
    kept = artifact.result(INTERRUPTED)
    assert kept is not None
    values = kept["samples"]["instructions"]["values"]
    assert 0 < len(values) < 500
    assert len(set(values)) == 1
    assert f"{len(values)} inferences before it" in caught.value.details[-1]


def test_without_a_port_there_are_sources_for_a_vendors_project(
    m4: tuple[Artifact, list[str]], tmp_path: Path
) -> None:
    artifact, _ = m4
    made = make_firmware(artifact, tmp_path / "firmware")
    assert made.image is None
    assert made.port == "hooks"
    assert "four functions" in (made.folder / "README.md").read_text()
    assert {"my_board.c", "edge_session.c", "edge_model.c", "digits_observed.c"} <= {
        path.name for path in (made.folder / "src").iterdir()
    }
    assert not (made.folder / "src" / "start_arm.c").exists()


MICROBIT = """
inherits = "cortex-m0plus"
description = "BBC micro:bit with nRF51822, in QEMU"
ram_bytes = 16_384
flash_bytes = 262_144

[port]
source = "nrf_uart"
flash_start = 0
flash_bytes = 0x4_0000
ram_start = 0x2000_0000
ram_bytes = 0x4000
stack_bytes = 6144
tried = "in this test"

[port.defines] # pins: micro:bit schematic, nRF51822 to the interface chip; P0.0 is free
EDGE_UART = 0x4000_2000
EDGE_TX_PIN = 24
EDGE_RX_PIN = 25
EDGE_METER_PIN = 0
EDGE_CLOCK_HZ = 16_000_000
EDGE_ICACHECNF = 0
EDGE_IS_EMULATED = 1
EDGE_COUNTER_IS_SYSTICK = 1
"""


def test_a_port_from_a_users_pack_runs_on_another_makers_uart(tmp_path: Path) -> None:
    """Nordic's UART and a Cortex-M0 with 16 KiB, whose only counter is SysTick."""
    (tmp_path / "microbit").mkdir()
    (tmp_path / "microbit" / "target.toml").write_text(MICROBIT)
    artifact = artifact_for(str(tmp_path / "microbit"), tmp_path)
    made = make_firmware(artifact, tmp_path / "firmware", compiler="gcc")
    assert made.image is not None
    assert (made.port, made.tried) == ("microbit", "in this test")
    with Line(qemu_command("microbit", made.image.elf)) as line:
        found = profile_artifact(artifact, device=SerialBoard(line.path), repeats=2)
        verified = verify_artifact(artifact, device=SerialBoard(line.path))
        with connect(SerialBoard(line.path)) as board:
            assert board.identity.counter is Counter.SYSTICK
            board.load(first_golden_input(artifact, program_of(artifact)))
            counts = board.run(8)
    assert {result.name: result.problem for result in verified.runtimes}["board"] is None
    assert found.figures["stack_bytes"].kind == "emulated"
    assert found.figures.keys().isdisjoint({"cycles", "instructions", "latency_s"})
    assert any("an emulator's time is no count of cycles" in note for note in found.notes)
    assert min(counts) > 0
    assert max(counts) < 2**32, "a wrap of the 24 bits must not be missed"


def test_a_board_with_a_cycle_counter_and_a_clock_is_measured(tmp_path: Path) -> None:
    """The generated firmware as a program of this machine, which stands for a real board."""
    gcc = require_tool("gcc", "apt install gcc")
    artifact = artifact_for("cortex-m3", tmp_path)
    made = make_firmware(artifact, tmp_path / "firmware", port="hooks")
    (made.folder / "src" / "my_board.c").unlink()
    sources = [*made.folder.glob("src/**/*.c"), C / "host_port.c"]
    program = tmp_path / "board"
    command = [gcc, "-O1", "-D_POSIX_C_SOURCE=200809L", f"-I{made.folder / 'src'}", *sources]
    subprocess.run([*map(str, command), "-o", str(program)], check=True)
    with Line([program]) as line:
        found = profile_artifact(artifact, device=SerialBoard(line.path), repeats=20)
        verified = verify_artifact(artifact, device=SerialBoard(line.path))
    figures = found.figures
    for name in ("cycles", "latency_s", "stack_bytes", "arena_used_bytes"):
        assert figures[name].kind == "measured", name
        assert figures[name].value > 0
    assert figures["latency_s"].value == pytest.approx(figures["cycles"].value / 1e9)
    assert figures["cycles_iqr"].value >= 0
    assert (len(found.samples["cycles"].values), found.samples["cycles"].kind) == (20, "measured")
    assert "instructions" not in figures
    assert {layer.figures["cycles"].kind for layer in found.layers} == {"measured"}
    assert any("pseudo-terminal, yet 'host' calls itself a real board" in n for n in found.notes)
    assert {run.name: run.problem for run in verified.runtimes}["board"] is None
