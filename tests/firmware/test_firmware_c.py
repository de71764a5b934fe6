"""The firmware's C under every warning, and the ports for vendors' projects against their APIs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from firmware_models import core_named, need_compiler

from compiled import compiled
from edgetool.compilation.board_firmware import make_firmware
from edgetool.compilers.ports import VENDORS, firmware_folder, qemu_port
from needs import require_tool

DIGITS = Path(__file__).parents[2] / "models" / "digits-cnn"
VENDOR_APIS = Path(__file__).parent / "c" / "vendor"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wsign-conversion",
          "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wvla", "-ffreestanding", "-O2",
          "-c")  # fmt: skip


def check(command: list[object]) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def compiler_for(core: str, compiler: str) -> list[str]:
    need_compiler(core, "gcc" if compiler == "gcc" else "clang")
    found = core_named(core)
    if compiler == "gcc":
        return [found.gcc, *found.gcc_flags]
    return [sys.executable, "-m", "ziglang", "cc", "-target", found.zig_target,
            f"-mcpu={found.zig_cpu}", "-fno-sanitize=all"]  # fmt: skip


@pytest.mark.parametrize(
    ("core", "compiler"), [("cortex-m0plus", "gcc"), ("cortex-m55", "gcc"), ("cortex-m4", "clang")]
)
def test_the_firmware_compiles_without_a_warning(core: str, compiler: str, tmp_path: Path) -> None:
    artifact = compiled(
        tmp_path / "digits",
        DIGITS / "model.onnx",
        core,
        calibrate=f"{DIGITS / 'calibration.npz'}[:20]",
        compiler="none",
    )
    made = make_firmware(artifact, tmp_path / "fw", port="hooks", mlperf_tiny="kws01")
    start = compiler_for(core, compiler)
    defines = [f"-D{name}={value}" for name, value in qemu_port(core_named(core)).defines.items()]
    origin = firmware_folder()
    files = sorted(set(made.folder.glob("src/*.c")) - {made.folder / "src" / "my_board.c"})
    assert len(files) > 7
    for file in (*files, origin / "start_arm.c", origin / "ports" / "mps2.c"):
        # Not /dev/null: clang from zig would write beside the working folder's files instead.
        made_object = ["-o", tmp_path / f"{file.stem}.o"]
        check([*start, *STRICT, *defines, f"-I{origin}", "-DEDGE_COUNTER_IS_SYSTICK", file,
               *made_object])  # fmt: skip


@pytest.mark.parametrize("vendor", sorted(set(VENDORS) - {"hooks"}))
def test_a_vendors_port_compiles_against_its_documented_calls(vendor: str) -> None:
    port = firmware_folder() / "ports" / VENDORS[vendor]
    gcc = require_tool("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi")
    warnings = ["-Wall", "-Wextra", "-Werror"]
    if port.suffix == ".cpp":
        gcc = require_tool("arm-none-eabi-g++", "apt install gcc-arm-none-eabi")
        warnings.append("-fno-exceptions")
    for meter in ([], ["-DEDGE_METER_PIN=LD2_Pin", "-DEDGE_METER_PORT=LD2_GPIO_Port"]):
        if meter and vendor != "stm32-hal":
            meter = ["-DEDGE_METER_PIN=3"]
        check([gcc, "-mcpu=cortex-m4", "-mthumb", *warnings, *meter, f"-I{firmware_folder()}",
               f"-isystem{VENDOR_APIS}", "-DEDGE_COUNTER_IS_SYSTICK", "-fsyntax-only",
               port])  # fmt: skip


def test_hooks_that_were_not_filled_in_do_not_compile() -> None:
    gcc = require_tool("gcc", "apt install gcc")
    command = [gcc, f"-I{firmware_folder()}", "-fsyntax-only"]
    done = subprocess.run(
        [*map(str, command), firmware_folder() / "ports" / "my_board.c"],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "fill in src/my_board.c" in done.stderr
