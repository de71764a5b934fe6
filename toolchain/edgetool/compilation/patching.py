"""--fit ram: which first operations run in strips, and of how many rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgetool.errors import UsageError
from edgetool.kernels import choose_kernels
from edgetool.packs import Target, kernel_folders
from edgetool.program.memory_plan import Calls, MemoryPlan, lower_bound_bytes, plan_memory
from edgetool.program.patches import Patches, given_height, heads, in_patches
from edgetool.program.program import Program

SIZE = re.compile(r"(\d+)([KM]?)", re.ASCII)
UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
TOLERANCE = 1.1  # of the smallest arena, within which the fewest calls win
MOST_CALLS = 400


@dataclass(frozen=True)
class Fit:
    """What --fit asks for: as little RAM as possible, or an arena of at most budget_bytes."""

    budget_bytes: int | None = None

    @classmethod
    def parse(cls, text: str) -> Fit:
        """ram, ram=40960 or ram=40K. Raises: UsageError for anything else."""
        resource, equals, size = text.partition("=")
        found = SIZE.fullmatch(size)
        if resource != "ram" or (equals and (found is None or int(found[1]) == 0)):
            raise UsageError(
                f"--fit {text} is not known",
                hints=(
                    "--fit ram        the first layers in strips, for the least RAM",
                    "--fit ram=40K    in strips as high as 40 KiB allow; or bytes: ram=40000",
                ),
            )
        return cls(int(found[1]) * UNITS[found[2]] if found else None)

    def missed(self, arena_bytes: int) -> tuple[str, ...]:
        """A note where the smallest arena found is above the budget."""
        if self.budget_bytes is None or arena_bytes <= self.budget_bytes:
            return ()
        return (
            f"--fit ram={self.budget_bytes} is not met: the smallest arena found has"
            f" {arena_bytes:,} bytes, {arena_bytes - self.budget_bytes:,} too many",
        )


@dataclass(frozen=True)
class Fitted:
    """A program as its C runs it.

    patches: None where it runs as it is.   arena_bytes, calls: its arena and its kernel calls.
    whole: the same without patches.
    """

    program: Program
    patches: Patches | None
    arena_bytes: int
    calls: int
    whole: Fitted | None = None

    @property
    def note(self) -> str:
        """What the patches changed."""
        if self.patches is None or self.whole is None:
            return f"--fit ram changed nothing: the arena has {self.arena_bytes:,} bytes as it is"
        given = given_height(self.whole.program, self.patches.operations)
        strips = -(-given // self.patches.rows)
        more = self.program.total_macs() - self.whole.program.total_macs()
        return (
            f"--fit ram: the first {self.patches.operations} operations run in {strips} strips of"
            f" {self.patches.rows} rows; arena {self.arena_bytes:,} instead of"
            f" {self.whole.arena_bytes:,} bytes, {self.calls} kernel calls instead of"
            f" {self.whole.calls}, {more:,} multiply-accumulates more"
        )


def fit_program(program: Program, target: Target, optimize: str, fit: Fit) -> Fitted:
    """The program in the strips that fit asks for, or as it is where none need less RAM.

    Within a budget, or else within TOLERANCE of the smallest arena, the fewest kernel calls win.
    """
    folders = kernel_folders(target)
    whole_calls = choose_kernels(program, folders, optimize)
    plan = plan_memory(program, whole_calls)
    whole = Fitted(program, None, plan.arena_bytes, _count(whole_calls))
    if fit.budget_bytes is not None and whole.arena_bytes <= fit.budget_bytes:
        return whole
    found: list[Fitted] = []
    smallest, after = whole.arena_bytes - 1, _bytes_after(program, whole_calls, plan)
    for patches in _candidates(program):
        made = None
        if after[patches.operations] <= smallest * TOLERANCE:
            made = in_patches(program, patches)
        if made is None:
            continue
        calls = choose_kernels(made, folders, optimize)
        if lower_bound_bytes(made, calls) > smallest * TOLERANCE or _count(calls) > MOST_CALLS:
            continue
        arena_bytes = plan_memory(made, calls).arena_bytes
        if arena_bytes < whole.arena_bytes:
            found.append(Fitted(made, patches, arena_bytes, _count(calls), whole))
            smallest = min(smallest, max(arena_bytes, fit.budget_bytes or 0))
    return _choose(found, fit) if found else whole


def _choose(found: Sequence[Fitted], fit: Fit) -> Fitted:
    smallest = min(fitted.arena_bytes for fitted in found)
    allowed = int(smallest * TOLERANCE)
    if fit.budget_bytes is not None:
        allowed = max(fit.budget_bytes, smallest)
    fitting = [fitted for fitted in found if fitted.arena_bytes <= allowed]
    return min(fitting, key=lambda fitted: (fitted.calls, fitted.arena_bytes))


def _candidates(program: Program) -> Iterator[Patches]:
    """Every head in every number of strips, too many of them left out."""
    for operations in heads(program):
        height = given_height(program, operations)
        for rows in sorted({-(-height // strips) for strips in range(2, height + 1)}):
            if -(-height // rows) * operations <= MOST_CALLS:
                yield Patches(operations, rows)


def _bytes_after(program: Program, calls: Calls, plan: MemoryPlan) -> list[int]:
    """By number of first operations, what the most demanding of the others needs."""
    most = [0]
    for operation in reversed(program.operations):
        call = calls[operation.name]
        live = sum(program.tensors[name].nbytes for name in plan.live[operation.name])
        scratch = call.scratch_bytes if call is not None else 0
        needed = live + scratch - plan.shareable_bytes.get(operation.name, 0)
        most.append(max(most[-1], needed))
    return most[::-1]


def _count(calls: Calls) -> int:
    return sum(call is not None for call in calls.values())
