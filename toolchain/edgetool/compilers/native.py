"""Static programs for Linux devices: zig brings compiler, linker and C library for each of them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgetool.compilers.invoke import invoke
from edgetool.compilers.units import PARALLEL_COMPILERS
from edgetool.compilers.zig import find_zig
from edgetool.errors import DeviceError

# Flags by what uname says, and the bits of its programs: a 64-bit kernel may have 32-bit ones.
TARGETS: dict[tuple[str, int], tuple[str, ...]] = {
    ("x86_64", 64): ("-target", "x86_64-linux-musl"),
    ("aarch64", 64): ("-target", "aarch64-linux-musl"),
    ("aarch64", 32): ("-target", "arm-linux-musleabihf"),
    ("armv7l", 32): ("-target", "arm-linux-musleabihf"),
    ("armv6l", 32): ("-target", "arm-linux-musleabihf", "-mcpu=arm1176jzf_s"),
}
FLAGS = (
    "-std=gnu11",
    "-O2",
    "-g0",
    # A fused multiply-add rounds once: results would depend on the processor.
    "-ffp-contract=off",
    "-fno-sanitize=all",
    "-ffunction-sections",
    "-fdata-sections",
)
LINK_FLAGS = ("-static", "-s", "-Wl,--gc-sections", "-Wl,--build-id=none")


def build_native(
    sources: Sequence[Path], include: Sequence[Path], machine: str, bits: int
) -> bytes:
    """Compile and link a program that needs nothing on the device; its ELF file.

    machine: as uname has it.   bits: of the device's programs.
    The first program for a machine takes a minute: zig builds the C library, and keeps it.
    Raises: MissingToolError, CompilerError; DeviceError for another machine.
    """
    target = TARGETS.get((machine, bits))
    if target is None:
        known = ", ".join(sorted({name for name, _ in TARGETS}))
        raise DeviceError(
            f"generated C is not built for {bits}-bit {machine}",
            details=(f"it is for: {known}",),
            hints=("another --runtime",),
        )
    command = [*find_zig(), "cc", *target]
    with tempfile.TemporaryDirectory(prefix="edgetool-native-") as folder:
        compile_flags = [*FLAGS, *(f"-I{path.resolve()}" for path in include)]
        objects = [f"{index:03d}.o" for index in range(len(sources))]

        def compile_one(source: Path, name: str) -> None:
            arguments = [*command, *compile_flags, "-c", str(source.resolve()), "-o", name]
            invoke(arguments, Path(folder), f"compile {source.name} for {machine}")

        with ThreadPoolExecutor(PARALLEL_COMPILERS) as pool:
            list(pool.map(compile_one, sources, objects))
        link = [*command, *LINK_FLAGS, *objects, "-lm", "-o", "program"]
        invoke(link, Path(folder), f"link the program for {machine}")
        return (Path(folder) / "program").read_bytes()
