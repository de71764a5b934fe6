"""What a compiler is to the rest of this room: how to compile, how to link, what it is called."""

from __future__ import annotations

from dataclasses import dataclass

COMMON_FLAGS = (
    "-std=gnu11",
    "-g0",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-common",
    "-fomit-frame-pointer",
    "-fno-stack-protector",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    # A fused multiply-add rounds once: results would depend on the compiler.
    "-ffp-contract=off",
)
HARNESS_FLAGS = ("-O2", "-ffreestanding", "-fno-builtin")
"""The harness must not call memcpy, which would count as the model's helper."""

LINK_FLAGS = ("-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-e,_start")


@dataclass(frozen=True)
class Toolchain:
    """A compiler for one core.

    compile: command without sources, -O and -o.   link: command without objects and -o.
    libraries: what follows the objects.   helpers: our own sources that stand in for what this
    compiler does not bring, below targets/harness/helpers.
    run_time_link: command and libraries of a second try, if link lacks a symbol; None: no second
    try.   version: "clang 21.1.0 (zig 0.16.0)".
    model_flags: for the model's sources. A memcpy of four bytes must become one load, where a
    freestanding compiler would call the function.
    """

    compile: tuple[str, ...]
    link: tuple[str, ...]
    libraries: tuple[str, ...]
    helpers: tuple[str, ...]
    version: str
    model_flags: tuple[str, ...]
    harness_flags: tuple[str, ...] = HARNESS_FLAGS
    run_time_link: tuple[str, ...] | None = None


def helper_sources(isa: str, *, integer: bool) -> tuple[str, ...]:
    """Helper files for an instruction set; integer: the compiler brings no run-time library."""
    if isa.startswith("rv"):
        return ("memory.c", *(("integer_riscv.c",) if integer else ()))
    return ("memory.c", "memory_arm.c", *(("integer_arm.c",) if integer else ()))
