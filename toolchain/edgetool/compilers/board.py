"""Build a firmware project for a board: an ELF file, and the flat image that goes into flash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetool.compilers.build import harness_folder, toolchain_for
from edgetool.compilers.elf import read_elf
from edgetool.compilers.firmware import Compiler
from edgetool.compilers.machines import Region, memory_command
from edgetool.compilers.ports import Port
from edgetool.compilers.units import Unit, UnitBuilder
from edgetool.packs.schema import Core

FILL = 0xFF  # what erased flash holds


@dataclass(frozen=True)
class BoardImage:
    """What goes onto a board.

    flat: the bytes of flash from address on, None where code lies in several places.
    compiler: name and version.
    """

    elf: Path
    flat: Path | None
    address: int
    compiler: str


@dataclass(frozen=True)
class BoardSources:
    """A firmware project's C.

    model: compiled as the artifact's sources are, with optimize.   firmware: start-up, protocol and
    port.   include: folders for -I.
    """

    model: tuple[Path, ...]
    firmware: tuple[Path, ...]
    include: tuple[Path, ...]
    optimize: str


def build_board(
    sources: BoardSources, core: Core, port: Port, compiler: Compiler, directory: Path, work: Path
) -> BoardImage:
    """Write firmware.elf and firmware.bin into directory; objects go into work.

    Raises: MissingToolError, CompilerError, DoesNotFitError.
    """
    toolchain = toolchain_for(core, compiler)
    builder = UnitBuilder(toolchain, core.name, work.resolve())
    include = tuple(f"-I{folder.resolve()}" for folder in sources.include)
    (work / "firmware.ld").write_text((directory / "firmware.ld").read_text())
    model_flags = (sources.optimize, *toolchain.model_flags, *include)
    defines = tuple(f"-D{name}={value}" for name, value in port.defines.items())
    our_flags = (*toolchain.harness_flags, *include, *defines)
    helpers = tuple(harness_folder() / "helpers" / name for name in toolchain.helpers)
    units = [
        *_units(sources.model, "model", model_flags),
        *_units((*sources.firmware, *helpers), "firmware", our_flags),
    ]
    linked = builder.link(builder.compile(units), "firmware.ld", "firmware.elf")
    elf = directory / "firmware.elf"
    elf.write_bytes(linked.read_bytes())
    flat = None
    if port.vectors is None:
        flat = directory / "firmware.bin"
        flat.write_bytes(flat_image(elf, port.flash))
    return BoardImage(elf, flat, port.flash.start, toolchain.version)


def _units(sources: tuple[Path, ...], noun: str, flags: tuple[str, ...]) -> Iterator[Unit]:
    for index, source in enumerate(sources):
        yield Unit(source.resolve(), f"{index:03d}_{source.stem}.{noun}.o", flags)


def linker_script(sections: str, port: Port) -> str:
    """firmware.ld for a port, from the sections that all ports share."""
    memory = memory_command(port.flash, port.ram, port.vectors)
    return memory + sections.replace("EDGE_STACK_BYTES", str(port.stack_bytes))


def flat_image(elf: Path, flash: Region) -> bytes:
    """The bytes of flash from its start to the last one that is loaded there."""
    parts = [
        (segment.load_address - flash.start, segment.data)
        for segment in read_elf(elf).segments
        if segment.data and flash.start <= segment.load_address < flash.end
    ]
    image = bytearray([FILL]) * max((at + len(data) for at, data in parts), default=0)
    for at, data in parts:
        image[at : at + len(data)] = data
    return bytes(image)
