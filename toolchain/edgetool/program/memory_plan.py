"""Memory planning: where each activation lives in the arena, offline and to the byte.

Tensors whose lifetimes overlap must not overlap in memory. Greedy orders reach the lower bound
for most networks; small ones that they miss are searched exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgetool.program.placement import (
    Block,
    Offsets,
    height,
    live_bytes,
    live_bytes_peak,
    place_blocks,
    place_greedily,
)
from edgetool.program.program import Program
from edgetool.program.storage import Storage, storage_of

NARROW = 4  # every kernel needs it
WIDE = 16  # vector loads and DMA like it


@dataclass(frozen=True)
class MemoryPlan:
    """Where the arena's contents live.

    offsets: byte offset of every activation in the arena, views included.
    scratch_offsets: by operation name, of those that need scratch.   alignment: of all offsets.
    arena_bytes: what the caller must provide.   lower_bound_bytes: bytes live at the worst
    operation, below which no plan can go.   peak_operation: its name, "" for an empty arena.
    live: names of the arena's tensors that each operation finds, reads or writes.
    """

    offsets: Mapping[str, int]
    scratch_offsets: Mapping[str, int]
    arena_bytes: int
    lower_bound_bytes: int
    peak_operation: str
    alignment: int
    live: Mapping[str, tuple[str, ...]]

    def live_at(self, program: Program, index: int) -> tuple[str, ...]:
        """Names of the arena's tensors that are live at the operation of this index."""
        return self.live[program.operations[index].name]


def plan_memory(program: Program, scratch: Mapping[str, int] | None = None) -> MemoryPlan:
    """Place every activation that is neither the caller's input nor output.

    scratch: bytes of working memory by operation name, needed during that operation only.
    Deterministic. Views share their source's bytes.
    """
    storage = storage_of(program)
    tensors = _tensor_blocks(program, storage)
    blocks = tensors + _scratch_blocks(program, scratch or {})
    alignment, placed = _best_alignment(blocks)
    offsets = {block.key: offset for block, offset in placed.items()}
    return MemoryPlan(
        {
            name: offsets["tensor", root]
            for name, root in storage.roots.items()
            if ("tensor", root) in offsets
        },
        {name: offset for (kind, name), offset in offsets.items() if kind == "scratch"},
        height(placed),
        live_bytes_peak(blocks),
        _peak_operation(program, blocks),
        alignment,
        {
            operation.name: tuple(b.key[1] for b in tensors if b.first <= step <= b.last)
            for step, operation in enumerate(program.operations)
        },
    )


def scratch_bytes(program: Program) -> dict[str, int]:
    """Working memory that the C kernels ask for, by operation name, zeros left out."""
    calls = ((operation.name, program.kernel(operation)) for operation in program.operations)
    return {name: call.scratch_bytes for name, call in calls if call and call.scratch_bytes}


def _best_alignment(blocks: list[Block]) -> tuple[int, Offsets]:
    """The smallest placement; the wide alignment where it costs nothing."""
    narrow, wide = place_blocks(blocks, NARROW), place_greedily(blocks, WIDE)
    return (WIDE, wide) if height(wide) <= height(narrow) else (NARROW, narrow)


def _tensor_blocks(program: Program, storage: Storage) -> list[Block]:
    """One block for each root in the arena, in the order of first use."""
    steps: dict[str, list[int]] = {}
    for step, operation in enumerate(program.operations):
        for name in (*operation.inputs, *operation.outputs):
            if name and storage.place(name).room == "arena":
                steps.setdefault(storage.roots[name], []).append(step)
    return [
        Block(("tensor", root), program.tensors[root].nbytes, used[0], used[-1])
        for root, used in steps.items()
    ]


def _scratch_blocks(program: Program, scratch: Mapping[str, int]) -> list[Block]:
    return [
        Block(("scratch", operation.name), scratch[operation.name], step, step)
        for step, operation in enumerate(program.operations)
        if scratch.get(operation.name)
    ]


def _peak_operation(program: Program, blocks: list[Block]) -> str:
    """The first operation with the most live bytes."""
    totals = [live_bytes(blocks, step) for step in range(len(program.operations))]
    if not any(totals):
        return ""
    return program.operations[totals.index(max(totals))].name
