"""GNU compilers on PATH: arm-none-eabi-gcc, riscv64-unknown-elf-gcc."""

from __future__ import annotations

import functools
import shutil
import subprocess

from edgetool.compilers.toolchain import (
    COMMON_FLAGS,
    HARNESS_FLAGS,
    LINK_FLAGS,
    Toolchain,
    helper_sources,
)
from edgetool.errors import MissingToolError
from edgetool.packs.schema import Core

_PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
}


def find_gcc(core: Core) -> str:
    """Path of the core's gcc. Raises: MissingToolError with the install line."""
    found = shutil.which(core.gcc)
    if found is None:
        package = _PACKAGES.get(core.gcc, core.gcc)
        raise MissingToolError(
            f"no {core.gcc} for {core.name}",
            details=[f"looked for: {core.gcc} on PATH"],
            hints=[f"apt install {package}", "--compiler clang"],
        )
    return found


def gcc_toolchain(core: Core) -> Toolchain:
    """gcc for a core, with its own libgcc and our memcpy."""
    gcc = find_gcc(core)
    start = (gcc, *core.gcc_flags)
    link = ("-nostdlib", "-nostartfiles", "-static", "-Wl,--no-warn-rwx-segments")
    return Toolchain(
        compile=(*start, *COMMON_FLAGS),
        link=(*start, *LINK_FLAGS, *_supported(gcc, link)),
        libraries=("-lgcc",),
        helpers=helper_sources(core.isa, integer=False),
        version=_version(gcc),
        # Freestanding: gcc's own stdint.h; there may be no C library that has one.
        model_flags=("-ffreestanding", "-fbuiltin"),
        harness_flags=(*HARNESS_FLAGS, "-fno-tree-loop-distribute-patterns"),
    )


def _supported(gcc: str, flags: tuple[str, ...]) -> tuple[str, ...]:
    """GNU ld learnt --no-warn-rwx-segments in 2.39; older ones do not warn and do not know it."""
    known = "--no-warn-rwx-segments" in _linker_help(gcc)
    return tuple(flag for flag in flags if known or "rwx" not in flag)


@functools.cache
def _linker_help(gcc: str) -> str:
    return _output(gcc, "-nostdlib", "-Wl,--help")


@functools.cache
def _version(gcc: str) -> str:
    return f"gcc {_output(gcc, '-dumpfullversion').strip()}"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
