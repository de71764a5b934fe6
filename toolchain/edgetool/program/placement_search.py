"""Searching the orders in which blocks are placed at their lowest offset.

From the best greedy one by moving single blocks, then, for small problems, by branch and bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from edgetool.program.placement import (
    Block,
    Offsets,
    Problem,
    first_fit,
    height,
    live_bytes_peak,
    place_greedily,
)

SEARCH_BLOCKS = 40
SEARCH_STEPS = 3_000
MOVES = 12_000  # blocks placed anew in all while single ones are moved


def place_blocks(problem: Problem) -> Offsets:
    """The smallest placement found: the best greedy one, or a smaller one of SEARCH_STEPS tried.

    Some optimal placement is reached with offsets that never decrease: push every block of an
    optimal placement down as far as it goes, and take the blocks from the bottom up. So small
    problems are solved exactly, those whose overlaps have multiples or shifts as well as found.
    """
    bound = padded_peak(problem, problem.blocks)
    best = _move_blocks(problem, place_greedily(problem), bound)
    if height(best) <= bound or len(problem.blocks) > SEARCH_BLOCKS:
        return best
    return _Search(problem, best, bound).run()


def _move_blocks(problem: Problem, best: Offsets, bound: int) -> Offsets:
    """The smallest placement met while blocks are moved within the order, one at a time.

    Moves that change nothing are kept too: they lead away from where all others are worse.
    """
    order, random = list(best), Random(0)
    for _ in range(MOVES // max(1, len(order))):
        if height(best) <= bound:
            break
        moved = [*order]
        moved.insert(random.randrange(len(order)), moved.pop(random.randrange(len(order))))
        found = first_fit(problem, moved)
        if height(found) <= height(best):
            best, order = found, moved
    return best


def padded_peak(problem: Problem, blocks: Sequence[Block]) -> int:
    """live_bytes_peak with the gaps that alignment forces: below all but the highest block.

    With overlaps, whose ends lie anywhere, without those gaps.
    """
    if problem.overlaps:
        return live_bytes_peak(blocks, problem.overlaps)
    steps = {block.first for block in blocks}
    return max((_padded_bytes(blocks, step, problem.alignment) for step in steps), default=0)


def _padded_bytes(blocks: Sequence[Block], step: int, alignment: int) -> int:
    sizes = [block.nbytes for block in blocks if block.first <= step <= block.last]
    gaps = [-size % alignment for size in sizes]
    return sum(sizes) + sum(gaps) - max(gaps)


class _Search:
    def __init__(self, problem: Problem, best: Offsets, bound: int) -> None:
        self.problem = problem
        self.best, self.best_height, self.bound = best, height(best), bound
        self.steps = 0

    def run(self) -> Offsets:
        """The best placement within SEARCH_STEPS tried placements."""
        blocks = sorted(
            self.problem.blocks, key=lambda block: (-block.nbytes, block.first, block.key)
        )
        self._extend({}, blocks, 0, 0)
        return self.best

    def _extend(
        self, placed: dict[Block, int], rest: Sequence[Block], floor: int, top: int
    ) -> None:
        if not rest:
            self.best, self.best_height = dict(placed), top
            return
        tried = set()
        least = floor + padded_peak(self.problem, rest)
        for block in rest:
            if self.best_height == self.bound or self.steps >= SEARCH_STEPS:
                return
            if least >= self.best_height:
                return
            twin = (block.nbytes, block.first, block.last)
            if self.problem.overlaps or twin not in tried:
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
        offset = self.problem.lowest_offset(block, placed)
        top = max(top, offset + block.nbytes)
        if offset < floor or top >= self.best_height:
            return
        placed[block] = offset
        self._extend(placed, [other for other in rest if other is not block], offset, top)
        del placed[block]
