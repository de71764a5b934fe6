"""Both compilers with every warning that generated C promises to be free of, for each core."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgetool.packs import find_target, kernel_folders
from needs import require_module, require_tool

CORES = (
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "rv32imc",
)
COMPILERS = ("gcc", "clang")
STRICT = (
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wpedantic",
    "-Wno-overlength-strings",  # of assembly: C99 promises room for 4,095 characters
    "-Wconversion",
    "-Wsign-conversion",
    "-Wvla",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
)
PACKAGES = {
    "gcc": "gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
}


def folders_of(core: str) -> list[Path]:
    """The kernel folders of a core, most specific first; "host" has the portable one."""
    if core == "host":
        return [folder for folder in folders_of("rv32imc") if folder.parent.name == "portable"]
    return list(kernel_folders(find_target(core)))


def gcc_for(core: str) -> list[str]:
    """gcc and its flags for a core, or for this machine."""
    if core == "host":
        return [str(require_tool("gcc", "apt install gcc"))]
    found = find_target(core).core
    assert found is not None
    return [str(require_tool(found.gcc, f"apt install {PACKAGES[found.gcc]}")), *found.gcc_flags]


def clang_for(core: str) -> list[str]:
    """The clang inside zig, which checks many files at once where `zig cc` takes one."""
    require_module("ziglang", "pip install 'edgetool[mcu]'")
    spec = importlib.util.find_spec("ziglang")
    assert spec is not None and spec.submodule_search_locations
    headers = Path(spec.submodule_search_locations[0]) / "lib" / "include"
    command = [sys.executable, "-m", "ziglang", "clang", "-nostdlibinc", "-isystem", str(headers)]
    if core == "host":
        return command
    found = find_target(core).core
    assert found is not None
    triple = "riscv32-none-elf" if found.isa.startswith("rv") else "arm-none-eabi"
    return [*command, f"--target={triple}", *found.gcc_flags]


def check(compiler: str, core: str, sources: Sequence[Path], include: Sequence[Path]) -> None:
    """Raises: AssertionError with the compiler's words where it has any."""
    command = gcc_for(core) if compiler == "gcc" else clang_for(core)
    paths = [f"-I{folder}" for folder in include]
    flags = [*STRICT, "-ffreestanding", "-fsyntax-only", *paths]
    done = subprocess.run([*command, *flags, *sources], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def compile_objects(core: str, sources: Sequence[Path], folder: Path, *flags: str) -> list[Path]:
    """Object files of gcc at -O2, in folder."""
    command = [*gcc_for(core), "-std=c99", "-O2", "-ffreestanding", "-fno-stack-protector"]
    subprocess.run([*command, *flags, "-c", *sources], cwd=folder, check=True)
    return [folder / f"{source.stem}.o" for source in sources]


def undefined(objects: Sequence[Path]) -> set[str]:
    """What the objects together need from outside."""
    found = symbols(objects)
    wanted = {name for kind, name in found if kind == "U"}
    return wanted - {name for kind, name in found if kind != "U"}


def variables(objects: Sequence[Path]) -> set[str]:
    """Names of objects in RAM: initialised, zeroed or common."""
    return {name for kind, name in symbols(objects) if kind in set("bBdDcCsS")}


def symbols(objects: Sequence[Path]) -> set[tuple[str, str]]:
    """(nm's letter, name) of every symbol."""
    nm = str(require_tool("nm", "apt install binutils"))
    listing = subprocess.run([nm, *objects], check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in listing.splitlines()]
    return {(words[-2], words[-1]) for words in lines if len(words) >= 2}
