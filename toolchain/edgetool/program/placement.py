"""Placing blocks of bytes with lifetimes at offsets, so that no two live ones overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SEARCH_BLOCKS = 40
SEARCH_STEPS = 10_000


@dataclass(frozen=True)
class Block:
    """Bytes that are needed from step `first` to step `last`, inclusive.

    key: ("tensor" or "scratch", name), unique.
    """

    key: tuple[str, str]
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


Offsets = Mapping[Block, int]
ORDERS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda block: (-block.nbytes, block.first),
    lambda block: (block.first, -block.nbytes),
    lambda block: (block.last, -block.nbytes),
    lambda block: (-block.steps, -block.nbytes),
    lambda block: (-block.steps * block.nbytes, block.first),
)


def place_blocks(blocks: Sequence[Block], alignment: int) -> Offsets:
    """The smallest placement found: exact for small problems, else the best greedy one."""
    bound = padded_peak(blocks, alignment)
    best = place_greedily(blocks, alignment)
    if height(best) > bound and len(blocks) <= SEARCH_BLOCKS:
        best = _Search(blocks, alignment, best, bound).run()
    return best


def place_greedily(blocks: Sequence[Block], alignment: int) -> Offsets:
    """The best of several orders in which blocks take their lowest free offset."""
    return min(_greedy_placements(blocks, alignment), key=height)


def height(offsets: Offsets) -> int:
    """End of the highest block."""
    return max((offset + block.nbytes for block, offset in offsets.items()), default=0)


def live_bytes(blocks: Sequence[Block], step: int) -> int:
    """Bytes of the blocks that are live at a step."""
    return sum(block.nbytes for block in blocks if block.first <= step <= block.last)


def live_bytes_peak(blocks: Sequence[Block]) -> int:
    """The most bytes live at one step, below which no placement can go."""
    return max((live_bytes(blocks, block.first) for block in blocks), default=0)


def padded_peak(blocks: Sequence[Block], alignment: int) -> int:
    """live_bytes_peak with the gaps that alignment forces: below all but the highest block."""
    return max((_padded_bytes(blocks, block.first, alignment) for block in blocks), default=0)


def _padded_bytes(blocks: Sequence[Block], step: int, alignment: int) -> int:
    sizes = [block.nbytes for block in blocks if block.first <= step <= block.last]
    gaps = [-size % alignment for size in sizes]
    return sum(sizes) + sum(gaps) - max(gaps)


def _greedy_placements(blocks: Sequence[Block], alignment: int) -> list[Offsets]:
    orders = [sorted(blocks, key=lambda block: (rank(block), block.key)) for rank in ORDERS]
    return [_first_fit(order, alignment) for order in (*orders, _by_breadth(blocks))]


def _by_breadth(blocks: Sequence[Block]) -> list[Block]:
    """The blocks of the fullest step first, largest first; then of the next fullest."""
    breadth = {step: live_bytes(blocks, step) for step in {block.first for block in blocks}}

    def rank(block: Block) -> tuple[int, int, tuple[str, str]]:
        fullest = max(total for step, total in breadth.items() if block.first <= step <= block.last)
        return -fullest, -block.nbytes, block.key

    return sorted(blocks, key=rank)


def _first_fit(order: Sequence[Block], alignment: int) -> Offsets:
    placed: dict[Block, int] = {}
    for block in order:
        placed[block] = lowest_offset(block, placed, alignment)
    return placed


def lowest_offset(block: Block, placed: Offsets, alignment: int) -> int:
    """The lowest aligned offset at which block overlaps no placed block that is live with it."""
    taken = sorted(
        (offset, offset + other.nbytes) for other, offset in placed.items() if other.overlaps(block)
    )
    offset = 0
    for start, end in taken:
        if offset + block.nbytes <= start:
            break
        offset = max(offset, -(-end // alignment) * alignment)
    return offset


class _Search:
    """Branch and bound over the orders in which blocks are put at their lowest offset.

    Some optimal placement is reached with offsets that never decrease: push every block of an
    optimal placement down as far as it goes, and take the blocks from the bottom up.
    """

    def __init__(self, blocks: Sequence[Block], alignment: int, best: Offsets, bound: int) -> None:
        self.blocks = sorted(blocks, key=lambda block: (-block.nbytes, block.first, block.key))
        self.alignment = alignment
        self.best, self.best_height, self.bound = best, height(best), bound
        self.steps = 0

    def run(self) -> Offsets:
        """The best placement within SEARCH_STEPS tried placements."""
        self._extend({}, self.blocks, 0, 0)
        return self.best

    def _extend(
        self, placed: dict[Block, int], rest: Sequence[Block], floor: int, top: int
    ) -> None:
        if not rest:
            self.best, self.best_height = dict(placed), top
            return
        tried = set()
        for block in rest:
            if self.best_height == self.bound or self.steps >= SEARCH_STEPS:
                return
            if floor + padded_peak(rest, self.alignment) >= self.best_height:
                return
            twin = (block.nbytes, block.first, block.last)
            if twin not in tried:
                tried.add(twin)
                self._try(block, placed, rest, floor, top)

    def _try(
        self,
        block: Block,
        placed: dict[Block, int],
        rest: Sequence[Block],
        floor: int,
        top: int,
    ) -> None:
        self.steps += 1
        offset = lowest_offset(block, placed, self.alignment)
        top = max(top, offset + block.nbytes)
        if offset < floor or top >= self.best_height:
            return
        placed[block] = offset
        self._extend(placed, [other for other in rest if other is not block], offset, top)
        del placed[block]
