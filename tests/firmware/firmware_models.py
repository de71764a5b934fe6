"""Small models in C by hand, and how to build them for a core."""

from __future__ import annotations

import shutil
from pathlib import Path

from edgetool.compilers import Compiler, Firmware, Image, build
from edgetool.packs import find_target
from edgetool.packs.schema import Core
from edgetool.runtimes.bare_metal import Emulator
from needs import require_module, require_tool

SOURCES = Path(__file__).parent / "c"
ZIG = "pip install 'edgetool[mcu]'"
CORES = (
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "rv32imc",
)
ON_BOTH = tuple(core for core in CORES if core != "cortex-m55")
"""unicorn has no Helium."""


def core_named(name: str) -> Core:
    core = find_target(name).core
    assert core is not None
    return core


def firmware(
    name: str,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    *,
    arena: int = 64,
    single: bool = True,
    source: Path | None = None,
) -> Firmware:
    source = source or SOURCES / f"{name}.c"
    return Firmware((source,), (), name, inputs, outputs, arena, single)


def image(
    what: Firmware, core: str, folder: Path, compiler: Compiler = "clang", optimize: str = "-O2"
) -> Image:
    """Build it, or skip where the compiler is not installed."""
    need_compiler(core, compiler)
    return build(what, core_named(core), compiler, optimize, folder)


def need_compiler(core: str, compiler: Compiler) -> None:
    if compiler == "clang":
        require_module("ziglang", ZIG)
    elif core == "rv32imc":
        require_tool("riscv64-unknown-elf-gcc", "apt install gcc-riscv64-unknown-elf")
    else:
        require_tool("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi")


def need_emulator(core: str, emulator: str) -> None:
    if emulator == "unicorn":
        require_module("unicorn", ZIG)
    elif core == "rv32imc":
        require_tool("qemu-system-riscv32", "apt install qemu-system-misc")
    else:
        require_tool("qemu-system-arm", "apt install qemu-system-arm")


def emulators(core: str) -> list[Emulator]:
    """Those that can run this core and are here, at least one or the test is skipped."""
    if core == "cortex-m55":
        need_emulator(core, "qemu")
        return ["qemu"]
    need_emulator(core, "unicorn")
    qemu = "qemu-system-riscv32" if core == "rv32imc" else "qemu-system-arm"
    return ["unicorn", "qemu"] if shutil.which(qemu) else ["unicorn"]
