"""Memory planning: where each activation lives in the arena, offline and to the byte.

Tensors whose lifetimes overlap do not overlap in memory, except that what an operation writes
may lie over an input that dies there, as far as the kernel's order allows (KernelCall.lead_bytes).
Greedy orders come near the lower bound for most networks; small ones are searched exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgetool.program.operator import KernelCall
from edgetool.program.placement import (
    Block,
    Key,
    Offsets,
    Overlap,
    Overlaps,
    Problem,
    height,
    live_bytes,
    live_bytes_peak,
    place_greedily,
    shared_bytes,
)
from edgetool.program.placement_search import place_blocks
from edgetool.program.program import Operation, Program
from edgetool.program.storage import Storage, storage_of

NARROW = 4  # every kernel needs it
WIDE = 16  # vector loads and DMA like it

Calls = Mapping[str, KernelCall | None]


@dataclass(frozen=True)
class MemoryPlan:
    """Where the arena's contents live.

    offsets: byte offset of every activation in the arena, views included.
    scratch_offsets: by operation name, of those that need scratch.   alignment: of all offsets,
    but for tensors that lie within others.
    arena_bytes: what the caller must provide.   lower_bound_bytes: bytes live at the worst
    operation, what its output can share with its inputs counted once: no plan can go below it.
    peak_operation: its name, "" for an empty arena.
    live: names of the arena's tensors that each operation finds, reads or writes.
    overwritten: by operation name, the inputs over which its output lies.
    shareable_bytes: by operation name, what its output could share with inputs that die there.
    """

    offsets: Mapping[str, int]
    scratch_offsets: Mapping[str, int]
    arena_bytes: int
    lower_bound_bytes: int
    peak_operation: str
    alignment: int
    live: Mapping[str, tuple[str, ...]]
    overwritten: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shareable_bytes: Mapping[str, int] = field(default_factory=dict)

    def live_at(self, program: Program, index: int) -> tuple[str, ...]:
        """Names of the arena's tensors that are live at the operation of this index."""
        return self.live[program.operations[index].name]


def plan_memory(program: Program, calls: Calls | None = None) -> MemoryPlan:
    """Place every activation that is neither the caller's input nor output.

    calls: the kernel of each operation by its name, which says what scratch it needs and how its
    output may lie over its inputs; without it there is no scratch and nothing overlaps.
    Deterministic. Views share their source's bytes.
    """
    storage = storage_of(program)
    tensors = _tensor_blocks(program, storage)
    blocks = tensors + _scratch_blocks(program, calls or {})
    overlaps = _overlaps(program, storage, tensors, calls or {})
    alignment, placed = _best_alignment(blocks, overlaps)
    offsets = {block.key: offset for block, offset in placed.items()}
    alive = _alive(program, tensors)
    return MemoryPlan(
        {
            name: offsets["tensor", root] + storage.offsets[name]
            for name, root in storage.roots.items()
            if ("tensor", root) in offsets
        },
        {name: offset for (kind, name), offset in offsets.items() if kind == "scratch"},
        height(placed),
        live_bytes_peak(blocks, overlaps),
        _peak_operation(program, blocks, overlaps),
        alignment,
        {name: tuple(block.key[1] for block in found) for name, found in alive.items()},
        _overwritten(program, placed, overlaps),
        _shareable(alive, overlaps),
    )


def lower_bound_bytes(program: Program, calls: Calls) -> int:
    """What no plan can go below: MemoryPlan.lower_bound_bytes without planning."""
    storage = storage_of(program)
    tensors = _tensor_blocks(program, storage)
    overlaps = _overlaps(program, storage, tensors, calls)
    return live_bytes_peak(tensors + _scratch_blocks(program, calls), overlaps)


def shareable_bytes(program: Program, calls: Calls) -> dict[str, int]:
    """By operation name, the most bytes that its output can share with inputs that die there."""
    storage = storage_of(program)
    tensors = _tensor_blocks(program, storage)
    return _shareable(_alive(program, tensors), _overlaps(program, storage, tensors, calls))


def _shareable(alive: Mapping[str, list[Block]], overlaps: Overlaps) -> dict[str, int]:
    found = {name: shared_bytes(blocks, overlaps) for name, blocks in alive.items()}
    return {name: count for name, count in found.items() if count}


def _alive(program: Program, tensors: list[Block]) -> dict[str, list[Block]]:
    """The tensors that are live at each operation, by its name."""
    return {
        operation.name: [block for block in tensors if block.first <= step <= block.last]
        for step, operation in enumerate(program.operations)
    }


def _best_alignment(blocks: list[Block], overlaps: Overlaps) -> tuple[int, Offsets]:
    """The smallest placement; the wide alignment where it costs nothing."""
    narrow = place_blocks(Problem(tuple(blocks), NARROW, overlaps))
    wide = place_greedily(Problem(tuple(blocks), WIDE, overlaps))
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


def _scratch_blocks(program: Program, calls: Calls) -> list[Block]:
    needed = {name: call.scratch_bytes for name, call in calls.items() if call is not None}
    return [
        Block(("scratch", operation.name), needed[operation.name], step, step)
        for step, operation in enumerate(program.operations)
        if needed.get(operation.name)
    ]


def _overlaps(
    program: Program, storage: Storage, tensors: list[Block], calls: Calls
) -> dict[tuple[Key, Key], Overlap]:
    """Of each operation's output with the inputs that it may be written over."""
    blocks = {block.key: block for block in tensors}
    found = {}
    for step, operation in enumerate(program.operations):
        call = calls.get(operation.name)
        if call is None or not call.lead_bytes:
            continue
        written = blocks.get(("tensor", storage.roots[operation.outputs[0]]))
        if written is None or written.first != step:
            continue
        for root, (lead, shift) in _leads(operation, storage, call).items():
            read = blocks.get(("tensor", root))
            if read is not None and read is not written and read.last == step:
                found[written.key, read.key] = Overlap(lead, call.lead_multiple, shift)
    return found


def _leads(operation: Operation, storage: Storage, call: KernelCall) -> dict[str, tuple[int, int]]:
    """By root: the lead that serves all inputs within it, and how much farther than the roots
    the inputs begin behind the output.

    No root with an input that has no lead, or with inputs at different places.
    """
    leads: dict[str, tuple[int, int]] = {}
    refused = set()
    for index, name in enumerate(operation.inputs):
        if not name:
            continue
        root = storage.roots[name]
        shift = storage.offsets[name] - storage.offsets[operation.outputs[0]]
        lead, known = leads.get(root, (0, shift))
        if index not in call.lead_bytes or known != shift:
            refused.add(root)
        else:
            leads[root] = (max(lead, call.lead_bytes[index]), shift)
    return {root: lead for root, lead in leads.items() if root not in refused}


def _overwritten(
    program: Program, placed: Offsets, overlaps: Overlaps
) -> dict[str, tuple[str, ...]]:
    """By operation, the inputs that share bytes with its output."""
    at = {block.key: (offset, offset + block.nbytes) for block, offset in placed.items()}
    first = {block.key: block.first for block in placed}
    found: dict[str, tuple[str, ...]] = {}
    for written, read in overlaps:
        if at[written][0] < at[read][1] and at[read][0] < at[written][1]:
            name = program.operations[first[written]].name
            found[name] = (*found.get(name, ()), read[1])
    return found


def _peak_operation(program: Program, blocks: list[Block], overlaps: Overlaps) -> str:
    """The first operation with the most live bytes."""
    totals = [live_bytes(blocks, step, overlaps) for step in range(len(program.operations))]
    if not any(totals):
        return ""
    return program.operations[totals.index(max(totals))].name
