"""Layouts: the order in which a Program's tensor holds the axes of an ONNX value.

A layout is a permutation: program axis i is ONNX axis layout[i], so that
program = onnx.transpose(layout). Channels last is (0, 2, 3, 1) for ONNX's NCHW.
"""

from __future__ import annotations

from collections.abc import Sequence

Layout = tuple[int, ...]
Shape = tuple[int, ...]


def identity(rank: int) -> Layout:
    """ONNX's own order."""
    return tuple(range(rank))


def channels_last(rank: int) -> Layout:
    """(0, 2, …, rank-1, 1): batch, spatial axes, channels. Ranks below 3 have no other order."""
    return identity(rank) if rank < 3 else (0, *range(2, rank), 1)


def permute(shape: Sequence[int], layout: Layout) -> Shape:
    """The program shape of an ONNX shape."""
    return tuple(shape[axis] for axis in layout)


def inverse(layout: Layout) -> Layout:
    """The permutation that undoes layout; it also maps an ONNX axis to its program axis."""
    positions = [0] * len(layout)
    for position, axis in enumerate(layout):
        positions[axis] = position
    return tuple(positions)


def after_transpose(layout: Layout, permutation: Layout) -> Layout:
    """The layout under which ONNX Transpose(permutation) of a value is the same bytes."""
    back = inverse(permutation)
    return tuple(back[axis] for axis in layout)


def between(have: Layout, want: Layout) -> Layout:
    """The permutation of program axes that turns layout have into layout want."""
    return tuple(have.index(axis) for axis in want)


def moves_only_units(shape: Sequence[int], permutation: Layout) -> bool:
    """Whether transposing shape by permutation leaves the order of the bytes as it is."""
    moved = [axis for axis in permutation if shape[axis] != 1]
    return moved == sorted(moved)


def unit_move(before: Sequence[int], after: Sequence[int]) -> Layout | None:
    """The permutation that a reshape from before to after equals, if it only moves axes of 1.

    Both shapes have the same rank; None when the reshape is not such a move.
    """
    if len(before) != len(after):
        return None
    if [d for d in before if d != 1] != [d for d in after if d != 1]:
        return None
    units = [axis for axis, dim in enumerate(before) if dim == 1]
    others = [axis for axis, dim in enumerate(before) if dim != 1]
    return tuple(units.pop(0) if dim == 1 else others.pop(0) for dim in after)
