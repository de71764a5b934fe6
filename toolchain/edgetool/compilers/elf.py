"""Read a 32-bit little-endian ELF file: sections, segments, symbols. Every offset is checked.

Source: System V ABI, "Object Files"; the Thumb bit of Arm function symbols is taken off.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import CompilerError

EM_ARM = 40
EM_RISCV = 243
_LOADED = 1
_SYMBOL_TABLE = 2
_NO_BITS = 8
_ALLOCATED = 0x2
_OBJECT, _FUNCTION = 1, 2


@dataclass(frozen=True)
class Section:
    """A section that takes memory when the program runs.   data: empty for zeroed memory."""

    name: str
    address: int
    size: int
    data: bytes


@dataclass(frozen=True)
class Segment:
    """Bytes for address; memory up to size is zero behind them.

    load_address: where they are kept until start-up code copies them; elsewhere for variables.
    """

    address: int
    data: bytes
    size: int
    load_address: int


@dataclass(frozen=True)
class Symbol:
    """A function or an object.   size: bytes, 0 for a label that the linker script sets."""

    name: str
    address: int
    size: int


@dataclass(frozen=True)
class Elf:
    """What an executable file says.   machine: EM_ARM or EM_RISCV.   entry: first instruction.

    functions: all of them; in symbols, functions of one name that files keep to themselves are one.
    """

    machine: int
    entry: int
    sections: dict[str, Section]
    segments: tuple[Segment, ...]
    symbols: dict[str, Symbol]
    functions: tuple[Symbol, ...]

    def read(self, address: int, size: int) -> bytes:
        """Bytes as loaded. Raises: CompilerError if no segment has them all."""
        for segment in self.segments:
            start = address - segment.address
            if start >= 0 and start + size <= len(segment.data):
                return segment.data[start : start + size]
        raise CompilerError(f"no segment has {size} bytes at 0x{address:08x}")


def read_elf(path: Path) -> Elf:
    """Read a linked program. Raises: CompilerError if it is none, or is cut off."""
    try:
        return _Reader(path.read_bytes()).elf()
    except (struct.error, ValueError, IndexError) as error:
        raise CompilerError(
            f"'{path.name}' is not a 32-bit little-endian ELF file", details=[str(error)]
        ) from error


@dataclass(frozen=True)
class _Header:
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def elf(self) -> Elf:
        if self.content[:6] != b"\x7fELF\x01\x01":
            raise ValueError("its first six bytes are not those of ELF32, little-endian")
        machine, entry, program_offset, section_offset, *_ = self._header()
        headers = list(self._section_headers(section_offset))
        names = self._name_table(headers)
        found = list(self._symbols(headers, machine))
        return Elf(
            machine,
            entry,
            {s.name: s for s in self._sections(headers, names)},
            tuple(self._segments(program_offset)),
            {symbol.name: symbol for symbol, _ in found},
            tuple(symbol for symbol, kind in found if kind == _FUNCTION),
        )

    def _header(self) -> tuple[int, int, int, int]:
        machine, _, entry, program_offset, section_offset = struct.unpack_from(
            "<HIIII", self.content, 18
        )
        return machine, entry, program_offset, section_offset

    def _bytes(self, offset: int, size: int) -> bytes:
        if offset + size > len(self.content):
            raise ValueError(f"bytes {offset} to {offset + size} lie behind its end")
        return self.content[offset : offset + size]

    def _section_headers(self, offset: int) -> Iterator[_Header]:
        entry_size, count, _ = struct.unpack_from("<HHH", self.content, 46)
        for index in range(count):
            entry = self._bytes(offset + index * entry_size, entry_size)
            yield _Header(*struct.unpack_from("<7I", entry))

    def _name_table(self, headers: list[_Header]) -> bytes:
        (index,) = struct.unpack_from("<H", self.content, 50)
        return self._bytes(headers[index].offset, headers[index].size)

    def _sections(self, headers: list[_Header], names: bytes) -> Iterator[Section]:
        for header in headers:
            if header.flags & _ALLOCATED:
                empty = header.type == _NO_BITS
                data = b"" if empty else self._bytes(header.offset, header.size)
                yield Section(_string(names, header.name), header.address, header.size, data)

    def _segments(self, offset: int) -> Iterator[Segment]:
        entry_size, count = struct.unpack_from("<HH", self.content, 42)
        for index in range(count):
            kind, at, virtual, physical, in_file, in_memory = struct.unpack(
                "<6I", self._bytes(offset + index * entry_size, 24)
            )
            if kind == _LOADED and in_memory:
                yield Segment(virtual, self._bytes(at, in_file), in_memory, physical)

    def _symbols(self, headers: list[_Header], machine: int) -> Iterator[tuple[Symbol, int]]:
        for header in headers:
            if header.type == _SYMBOL_TABLE:
                strings = headers[header.link]
                names = self._bytes(strings.offset, strings.size)
                yield from _symbols_in(self._bytes(header.offset, header.size), names, machine)


def _symbols_in(table: bytes, names: bytes, machine: int) -> Iterator[tuple[Symbol, int]]:
    """Functions, objects and the linker script's labels; compilers' mapping symbols left out.

    Each comes with its kind: _OBJECT, _FUNCTION, or 0 for a label.
    """
    for name, value, size, info, _, section in struct.iter_unpack("<IIIBBH", table):
        kind = info & 0xF
        label = kind == 0 and info >> 4 != 0
        if section and (kind in (_OBJECT, _FUNCTION) or label):
            thumb = machine == EM_ARM and kind == _FUNCTION
            yield Symbol(_string(names, name), value & ~1 if thumb else value, size), kind


def _string(table: bytes, offset: int) -> str:
    end = table.index(b"\0", offset)
    return table[offset:end].decode("utf-8", "replace")
