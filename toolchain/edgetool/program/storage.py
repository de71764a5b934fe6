"""Storage: whose bytes each tensor of a Program occupies.

Views share their source's bytes: reshapes, and slices of whole rows along the outermost axis
that are used at once or cut from an input.
What is joined along the outermost axis is computed right where it belongs in the result. Model
inputs and outputs are the caller's buffers; a result that is an output is computed right there.
Everything else lives in the arena.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgetool.program.ops.concat import Concat
from edgetool.program.ops.slice import Slice
from edgetool.program.program import Operation, Program
from edgetool.program.strides import row_major

Room = Literal["arena", "input", "output", "constant"]

ALIGNMENT = 4  # of tensors within others: kernels may read words


@dataclass(frozen=True)
class Place:
    """room, and the index among the program's inputs or outputs (0 elsewhere)."""

    room: Room
    index: int = 0


@dataclass(frozen=True)
class Storage:
    """roots: the tensor whose bytes each tensor is.   places: where each root is.

    offsets: at which byte of its root each tensor begins.
    copies: (tensor, index of the output) that must be copied after the last operation, because
    the tensor's bytes are an input's, a constant's, a part of another tensor or another output's.
    silent: names of the operations that have nothing to do.
    """

    roots: Mapping[str, str]
    places: Mapping[str, Place]
    copies: tuple[tuple[str, int], ...]
    offsets: Mapping[str, int]
    silent: frozenset[str]

    def place(self, name: str) -> Place:
        """Where the tensor's bytes are."""
        return self.places[self.roots[name]]


def storage_of(program: Program) -> Storage:
    """The Storage of every tensor of a program."""
    within, silent = _tensors_within_others(program)
    roots, offsets = {}, {}
    for name in program.tensors:
        roots[name], offsets[name] = _resolve(name, within)
    places = {root: Place("arena") for root in roots.values()}
    places |= {tensor.name: Place("constant") for tensor in program.constants()}
    places |= {name: Place("input", index) for index, name in enumerate(program.inputs)}
    copies = []
    for index, name in enumerate(program.outputs):
        root = roots[name]
        is_whole = program.tensors[root].nbytes == program.tensors[name].nbytes
        if places[root].room == "arena" and is_whole:
            places[root] = Place("output", index)
        else:
            copies.append((name, index))
    return Storage(roots, places, tuple(copies), offsets, silent)


Within = dict[str, tuple[str, int]]
"""By tensor: the one whose bytes it shares, and at which byte of it."""


def _tensors_within_others(program: Program) -> tuple[Within, frozenset[str]]:
    """Where tensors share bytes, and the operations that nothing is left to do for."""
    within: Within = {}
    silent = set()
    for operation in program.operations:
        if operation.operator.is_view:
            within[operation.outputs[0]] = (operation.inputs[0], 0)
            silent.add(operation.name)
    for operation in program.operations:
        parts = _parts(program, operation, within)
        if parts:
            within |= parts
            silent.add(operation.name)
    for operation in program.operations:
        start = _slice_start(program, operation)
        is_view = start is not None and _keeps_little(program, operation)
        if start is not None and is_view and operation.outputs[0] not in within:
            within[operation.outputs[0]] = (operation.inputs[0], start)
            silent.add(operation.name)
    return within, frozenset(silent)


def _resolve(name: str, within: Within) -> tuple[str, int]:
    """(root, byte in it)."""
    offset = 0
    while name in within:
        name, start = within[name]
        offset += start
    return name, offset


def _parts(program: Program, operation: Operation, within: Within) -> Within:
    """Where the inputs of a join along the outermost axis belong in its output.

    Empty where one of them lives elsewhere: the caller's buffers, constants, other tensors'
    bytes; where they are not aligned, or one is joined twice.
    """
    if not isinstance(operation.operator, Concat):
        return {}
    output = program.tensors[operation.outputs[0]]
    computed = {name for step in program.operations for name in step.outputs}
    parts: Within = {}
    end = 0
    for name in operation.inputs:
        is_free = name in computed and name not in within and name not in program.outputs
        if not is_free or name in parts or end % ALIGNMENT:
            return {}
        parts[name] = (output.name, end)
        end += program.tensors[name].nbytes
    is_outermost = math.prod(output.shape[: operation.operator.axis]) == 1
    return parts if is_outermost and end == output.nbytes else {}


def _slice_start(program: Program, operation: Operation) -> int | None:
    """The byte at which a slice of neighbouring elements begins; None for any other operation."""
    operator = operation.operator
    if not isinstance(operator, Slice):
        return None
    x, output = program.tensors[operation.inputs[0]], program.tensors[operation.outputs[0]]
    if x.is_constant or any(step != 1 for step in operator.steps):
        return None
    cut = [axis for axis, size in enumerate(x.shape) if operator.sizes[axis] != size]
    if cut and (len(cut) > 1 or math.prod(x.shape[: cut[0]]) != 1):
        return None
    pairs = zip(operator.starts, row_major(x.shape), strict=True)
    start = sum(first * stride for first, stride in pairs) * (x.nbytes // x.elements)
    return start if start % ALIGNMENT == 0 and output.elements else None


def _keeps_little(program: Program, cut: Operation) -> bool:
    """Whether a slice as a view does not keep its source's bytes for later operations."""
    if cut.inputs[0] in program.inputs:
        return True
    steps = program.operations
    first = steps.index(cut)
    reads = [n for n, step in enumerate(steps) if cut.outputs[0] in step.inputs]
    last = max(reads, default=first)
    source_reads = [n for n, step in enumerate(steps) if cut.inputs[0] in step.inputs]
    return last <= max(source_reads) or all(
        isinstance(step.operator, Slice) for step in steps[first + 1 : last]
    )
