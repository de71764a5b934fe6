"""Placing blocks of bytes with lifetimes at offsets.

Two blocks that are live at one step do not overlap, with one exception: what an operation writes
may lie over an input that nobody reads later, as far behind its beginning as the kernel needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

Key = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Block:
    """Bytes that are needed from step `first` to step `last`, inclusive.

    key: ("tensor" or "scratch", name), unique.
    """

    key: Key
    nbytes: int
    first: int
    last: int

    def overlaps(self, other: Block) -> bool:
        """Whether both are live at some step."""
        return self.first <= other.last and other.first <= self.last

    @property
    def steps(self) -> int:
        """How many steps the block lives."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Overlap:
    """How far a block that is read for the last time must begin behind the one written over it.

    lead: bytes at least.   multiple: the distance is a multiple of it.   shift: is added to the
    distance of the blocks to get the one between what is read and what is written within them.
    """

    lead: int
    multiple: int = 1
    shift: int = 0

    def allows(self, distance: int) -> bool:
        """distance: the read block's offset less the written one's."""
        between = distance + self.shift
        return between >= self.lead and between % self.multiple == 0

    def shared(self, written: int, read: int) -> int:
        """The most bytes that blocks of these sizes can share."""
        return max(0, min(read, written, written - self.lead + self.shift))


class Neighbour(NamedTuple):
    """A block that is live together with another one.

    written_over: how that one may be written over it.   read_under: how it may be written over
    that one.
    """

    block: Block
    written_over: Overlap | None
    read_under: Overlap | None


Offsets = Mapping[Block, int]
Overlaps = Mapping[tuple[Key, Key], Overlap]
"""By the keys of the written and of the read block."""
NO_OVERLAPS: Overlaps = MappingProxyType({})

ORDERS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda block: (-block.nbytes, block.first),
    lambda block: (block.first, -block.nbytes),
    lambda block: (block.last, -block.nbytes),
    lambda block: (-block.steps, -block.nbytes),
    lambda block: (-block.steps * block.nbytes, block.first),
    # outputs before the inputs that lie behind them; scratch after the tensors, or in between
    lambda block: (block.key[0] == "scratch", -block.last, -block.first, -block.nbytes),
    lambda block: (block.key[0] == "scratch", -block.first, -block.last, -block.nbytes),
    lambda block: (-block.first, -block.last, -block.nbytes),
)


@dataclass(frozen=True)
class Problem:
    """Blocks to place at multiples of alignment.   overlaps: of pairs that share one step only."""

    blocks: tuple[Block, ...]
    alignment: int
    overlaps: Overlaps = field(default_factory=dict)

    @cached_property
    def neighbours(self) -> Mapping[Block, tuple[Neighbour, ...]]:
        """The other blocks that are live together with each."""
        return {
            block: tuple(
                Neighbour(
                    other,
                    self.overlaps.get((block.key, other.key)),
                    self.overlaps.get((other.key, block.key)),
                )
                for other in self.blocks
                if other is not block and block.overlaps(other)
            )
            for block in self.blocks
        }

    def fits(self, block: Block, offset: int, placed: Offsets) -> bool:
        """Whether no placed neighbour forbids this offset."""
        end = offset + block.nbytes
        for other, written_over, read_under in self.neighbours[block]:
            at = placed.get(other)
            if at is None or end <= at or at + other.nbytes <= offset:
                continue
            if written_over is not None and written_over.allows(at - offset):
                continue
            if read_under is None or not read_under.allows(offset - at):
                return False
        return True

    def lowest_offset(self, block: Block, placed: Offsets) -> int:
        """The lowest aligned offset at which placed neighbours let the block be."""
        return next(at for at in self._candidates(block, placed) if self.fits(block, at, placed))

    def _candidates(self, block: Block, placed: Offsets) -> list[int]:
        """0, the ends of neighbours, and where the block may begin within one."""
        found = {0}
        for other, _, read_under in self.neighbours[block]:
            at = placed.get(other)
            if at is None:
                continue
            found.add(self._aligned(at + other.nbytes))
            if read_under is not None:
                least = max(0, at + read_under.lead - read_under.shift)
                found.add(self._aligned(least, read_under.multiple, at - read_under.shift))
        for other, over, _ in self.neighbours[block]:
            at = placed.get(other)
            if over is not None and at is not None and over.multiple > 1:
                found |= {self._aligned(n, over.multiple, at + over.shift) for n in found}
        return sorted(found)

    def _aligned(self, offset: int, multiple: int = 1, residue: int = 0) -> int:
        """The lowest aligned number from offset on that is residue modulo multiple.

        Any aligned one where there is none: `fits` refuses it.
        """
        aligned = -(-offset // self.alignment) * self.alignment
        for step in range(multiple):
            if (aligned + step * self.alignment - residue) % multiple == 0:
                return aligned + step * self.alignment
        return aligned


def place_greedily(problem: Problem) -> Offsets:
    """The best of several orders in which blocks take their lowest free offset."""
    placements = [first_fit(problem, order) for order in _orders(problem.blocks)]
    return min(placements, key=height)


def height(offsets: Offsets) -> int:
    """End of the highest block."""
    return max((offset + block.nbytes for block, offset in offsets.items()), default=0)


def live_bytes(blocks: Iterable[Block], step: int, overlaps: Overlaps = NO_OVERLAPS) -> int:
    """Bytes that the blocks live at a step take at least, those that two can share once."""
    live = [block for block in blocks if block.first <= step <= block.last]
    return sum(block.nbytes for block in live) - shared_bytes(live, overlaps)


def shared_bytes(live: Sequence[Block], overlaps: Overlaps) -> int:
    """The most bytes of blocks live at one step that lie in two of them.

    Only the written block shares with others, no byte of it with two: those are live together.
    """
    most = 0
    for written in live:
        pairs = [
            (overlap, read)
            for read in live
            if (overlap := overlaps.get((written.key, read.key))) is not None
        ]
        if pairs:
            together = sum(o.shared(written.nbytes, read.nbytes) for o, read in pairs)
            reach = max(o.shared(written.nbytes, written.nbytes) for o, _ in pairs)
            most += min(together, reach)
    return most


def live_bytes_peak(blocks: Sequence[Block], overlaps: Overlaps = NO_OVERLAPS) -> int:
    """The most bytes live at one step, below which no placement can go."""
    steps = {block.first for block in blocks}
    return max((live_bytes(blocks, step, overlaps) for step in steps), default=0)


def _orders(blocks: Sequence[Block]) -> list[list[Block]]:
    orders = [sorted(blocks, key=lambda block: (rank(block), block.key)) for rank in ORDERS]
    return [*orders, _by_breadth(blocks)]


def _by_breadth(blocks: Sequence[Block]) -> list[Block]:
    """The blocks of the fullest step first, largest first; then of the next fullest."""
    breadth = {step: live_bytes(blocks, step) for step in {block.first for block in blocks}}

    def rank(block: Block) -> tuple[int, int, Key]:
        fullest = max(total for step, total in breadth.items() if block.first <= step <= block.last)
        return -fullest, -block.nbytes, block.key

    return sorted(blocks, key=rank)


def first_fit(problem: Problem, order: Sequence[Block]) -> Offsets:
    """Each block in this order at its lowest offset. The result keeps the order."""
    placed: dict[Block, int] = {}
    for block in order:
        placed[block] = problem.lowest_offset(block, placed)
    return placed
