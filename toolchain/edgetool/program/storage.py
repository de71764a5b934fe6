"""Storage: whose bytes each tensor of a Program occupies.

Views share their source's bytes. Model inputs and outputs are the caller's buffers; a result
that is an output is computed right there. Everything else lives in the arena.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgetool.program.program import Program

Room = Literal["arena", "input", "output", "constant"]


@dataclass(frozen=True)
class Place:
    """room, and the index among the program's inputs or outputs (0 elsewhere)."""

    room: Room
    index: int = 0


@dataclass(frozen=True)
class Storage:
    """roots: the tensor whose bytes each tensor is.   places: where each root is.

    copies: (tensor, index of the output) that must be copied after the last operation, because
    the tensor's bytes are an input's, a constant's or another output's.
    """

    roots: Mapping[str, str]
    places: Mapping[str, Place]
    copies: tuple[tuple[str, int], ...]

    def place(self, name: str) -> Place:
        """Where the tensor's bytes are."""
        return self.places[self.roots[name]]


def storage_of(program: Program) -> Storage:
    """The Storage of every tensor of a program."""
    roots = _roots(program)
    places = {root: Place("arena") for root in roots.values()}
    places |= {tensor.name: Place("constant") for tensor in program.constants()}
    places |= {name: Place("input", index) for index, name in enumerate(program.inputs)}
    copies = []
    for index, name in enumerate(program.outputs):
        if places[roots[name]].room == "arena":
            places[roots[name]] = Place("output", index)
        else:
            copies.append((name, index))
    return Storage(roots, places, tuple(copies))


def _roots(program: Program) -> dict[str, str]:
    roots = {name: name for name in program.tensors}
    for operation in program.operations:
        if operation.operator.is_view:
            roots[operation.outputs[0]] = roots[operation.inputs[0]]
    return roots
