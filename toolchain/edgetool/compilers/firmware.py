"""What is built and what comes out of it: the nouns of this room."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from edgetool.compilers.elf import Symbol
from edgetool.compilers.machines import Machine
from edgetool.errors import UsageError

Compiler = Literal["clang", "gcc"]
COMPILERS: tuple[str, ...] = get_args(Compiler)

RED_ZONE_BYTES = 256
"""Painted on both sides of every buffer: a write there is found after the inference."""

BUFFER_ALIGNMENT_BYTES = 16
STACK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Firmware:
    """A generated C model and what its caller must hand in.

    sources: .c files.   include: folders for -I.   name: C prefix; `<name>_run` is called.
    input_bytes, output_bytes: size of each buffer in order.   arena_bytes: scratch memory.
    single_io: `<name>_run(input, output, arena)` instead of arrays of pointers.
    """

    sources: tuple[Path, ...]
    include: tuple[Path, ...]
    name: str
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]
    arena_bytes: int
    single_io: bool = True

    def check(self) -> None:
        """Raises: UsageError for what cannot be C, or cannot be called."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.name):
            raise UsageError(f"'{self.name}' is not a C identifier")
        sizes = (*self.input_bytes, *self.output_bytes)
        if not self.input_bytes or not self.output_bytes or min(sizes) < 1 or self.arena_bytes < 0:
            raise UsageError(
                f"'{self.name}' needs inputs and outputs of at least one byte",
                details=[f"inputs: {self.input_bytes}, outputs: {self.output_bytes} bytes"],
            )
        if self.single_io and (len(self.input_bytes) > 1 or len(self.output_bytes) > 1):
            raise UsageError(
                f"'{self.name}' has {len(self.input_bytes)} inputs and "
                f"{len(self.output_bytes)} outputs: it is called with arrays of pointers",
            )


@dataclass(frozen=True)
class Buffer:
    """A buffer's place in the region that holds them all.   name: "input", "output 1", "arena"."""

    name: str
    offset: int
    size: int

    @property
    def end(self) -> int:
        """Offset of the first byte behind the buffer."""
        return self.offset + self.size


@dataclass(frozen=True)
class MemoryPlan:
    """Every buffer of an inference: inputs, outputs, arena, in this order, red zones around them.

    size: bytes of the whole region, the last red zone included.
    """

    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    arena: Buffer
    size: int

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """All of them by rising offset."""
        return (*self.inputs, *self.outputs, self.arena)

    def nearest(self, offset: int) -> Buffer:
        """The buffer whose bounds are closest to a damaged offset."""
        return min(self.buffers, key=lambda b: min(abs(offset - b.offset), abs(offset - b.end)))


def plan_memory(firmware: Firmware) -> MemoryPlan:
    """Lay out the buffers, each 16-byte aligned and between red zones."""
    inputs = _names("input", len(firmware.input_bytes))
    outputs = _names("output", len(firmware.output_bytes))
    names = (*inputs, *outputs, "arena")
    sizes = (*firmware.input_bytes, *firmware.output_bytes, firmware.arena_bytes)
    placed: list[Buffer] = []
    offset = RED_ZONE_BYTES
    for name, size in zip(names, sizes, strict=True):
        placed.append(Buffer(name, offset, size))
        offset = _round_up(offset + size) + RED_ZONE_BYTES
    first_output = len(inputs)
    return MemoryPlan(
        tuple(placed[:first_output]), tuple(placed[first_output:-1]), placed[-1], offset
    )


def _names(noun: str, count: int) -> list[str]:
    return [noun] if count == 1 else [f"{noun} {index}" for index in range(count)]


def _round_up(size: int) -> int:
    return -(-size // BUFFER_ALIGNMENT_BYTES) * BUFFER_ALIGNMENT_BYTES


@dataclass(frozen=True)
class Image:
    """An ELF file, and what of it is the model's.

    sections: "code", "constants" (read-only data), "static_data" (initialised and zeroed
    variables), "static_data_initial" (their initial values, kept in flash), "helpers" (what the
    compiler or the C library adds for the model) → bytes.
    flash_bytes: code + constants + helpers + initial values; start-up and harness not counted.
    ram_bytes: static_data.   symbols: by name.   compiler: name and version.
    """

    elf: Path
    name: str
    single_io: bool
    plan: MemoryPlan
    machine: Machine
    sections: Mapping[str, int]
    symbols: Mapping[str, Symbol]
    compiler: str
    flags: tuple[str, ...]

    @property
    def flash_bytes(self) -> int:
        """Bytes of flash that the model needs."""
        counted = ("code", "constants", "helpers", "static_data_initial")
        return sum(self.sections[part] for part in counted)

    @property
    def ram_bytes(self) -> int:
        """Bytes of RAM for the model's own variables; arena and buffers are the caller's."""
        return self.sections["static_data"]

    @property
    def stack_bytes(self) -> int:
        """Size of the stack that the model is called on."""
        return self.symbols["edge_stack_top"].address - self.symbols["edge_stack_bottom"].address

    @property
    def run_range(self) -> tuple[int, int]:
        """First address of `<name>_run`, and the one behind it."""
        run = self.symbols[f"{self.name}_run"]
        return run.address, run.address + run.size

    def describe(self, address: int) -> str:
        """An address as people read it: "conv2d_s8+0x12 (0x00000a42)"."""
        owner = symbol_at(self.symbols, address)
        where = f"0x{address:08x}"
        return f"{owner.name}+0x{address - owner.address:x} ({where})" if owner else where


def symbol_at(symbols: Mapping[str, Symbol], address: int) -> Symbol | None:
    """The function or object that holds an address."""
    holders = (s for s in symbols.values() if s.address <= address < s.address + max(s.size, 1))
    return min(holders, key=lambda symbol: address - symbol.address, default=None)
