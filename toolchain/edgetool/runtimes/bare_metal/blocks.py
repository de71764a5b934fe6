"""Executed blocks and reads of flash as C counts them (block_table.h, flash_cache.h,
unicorn_hook.c), read with ctypes.

Only the standard library: this runs in unicorn's process too.
"""

from __future__ import annotations

import ctypes
from typing import TypeAlias

BLOCKS_MAX = 1 << 18
SLOTS = 1 << 20
LINES_MAX = 1024

Counts: TypeAlias = dict[tuple[int, int, int], tuple[int, int]]
"""(address, size, part) → (executed, taken)."""


class CBlock(ctypes.Structure):
    """struct block."""

    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("address", "size", "part", "executed", "taken")
    )


class CProgress(ctypes.Structure):
    """struct progress."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("run_start", "run_end", "part", "inside"))


class CTable(ctypes.Structure):
    """struct block_table."""

    _fields_ = (
        ("count", ctypes.c_uint64),
        ("overflow", ctypes.c_uint64),
        ("blocks", CBlock * BLOCKS_MAX),
        ("slots", ctypes.c_uint32 * SLOTS),
    )


class CCache(ctypes.Structure):
    """struct cache."""

    _fields_ = (
        ("unit_bytes", ctypes.c_uint64),
        ("lines", ctypes.c_uint64),
        ("reads", ctypes.c_uint64),
        ("misses", ctypes.c_uint64),
        ("sequential", ctypes.c_uint64),
        ("last", ctypes.c_uint64),
        ("filled", ctypes.c_uint64),
        ("units", ctypes.c_uint64 * LINES_MAX),
    )

    def counts(self) -> list[int]:
        """[reads, misses, sequential] of units since the start."""
        return [self.reads, self.misses, self.sequential]


class CCounter(ctypes.Structure):
    """struct counter."""

    _fields_ = (
        ("start", ctypes.c_uint64),
        ("end", ctypes.c_uint64),
        ("limit_bytes", ctypes.c_uint64),
        ("executed_bytes", ctypes.c_uint64),
        ("stop", ctypes.c_void_p),
        ("read_register", ctypes.c_void_p),
        ("write_register", ctypes.c_void_p),
        ("status_register", ctypes.c_uint64),
        ("conditions", ctypes.c_uint64),
        ("previous", ctypes.c_void_p),
        ("previous_end", ctypes.c_uint64),
        ("progress", CProgress),
        ("instructions", CCache),
        ("constants", CCache),
        ("table", CTable),
    )

    def counts(self) -> Counts:
        """What was counted since the table was made."""
        return {
            (block.address, block.size, block.part): (block.executed, block.taken)
            for block in self.table.blocks[: self.table.count]
        }


def instruction_lengths(code: bytes, *, riscv: bool) -> list[int]:
    """Bytes of each instruction of a block, 2 or 4, without decoding more than its length.

    Source: Armv7-M Architecture Reference Manual A5.1; RISC-V Instruction Set Manual 1.5.
    """
    lengths: list[int] = []
    offset = 0
    while offset < len(code):
        long = (
            code[offset] & 3 == 3 if riscv else code[offset + 1] >> 3 in (0b11101, 0b11110, 0b11111)
        )
        lengths.append(4 if long else 2)
        offset += lengths[-1]
    return lengths
