"""--fit ram: which first operations run in strips, and of how many rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edgetool.errors import UsageError
from edgetool.kernels import choose_kernels
from edgetool.packs import Target, kernel_folders
from edgetool.program.memory_plan import Calls, lower_bound_bytes, plan_memory
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
        if resource != "ram" or (equals and found is None):
            raise UsageError(
                f"--fit {text} is not known",
                hints=(
                    "--fit ram        the first layers in strips, for the least RAM",
                    "--fit ram=40K    in strips as high as 40 KiB allow; or bytes: ram=40000",
                ),
            )
        return cls(int(found[1]) * UNITS[found[2]] if found else None)


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
    whole = _measured(program, None, whole_calls, None)
    if fit.budget_bytes is not None and whole.arena_bytes <= fit.budget_bytes:
        return whole
    found: list[Fitted] = []
    smallest = whole.arena_bytes - 1
    for patches, made in _candidates(program):
        calls = choose_kernels(made, folders, optimize)
        if _count(calls) > MOST_CALLS or lower_bound_bytes(made, calls) > smallest * TOLERANCE:
            continue
        fitted = _measured(made, patches, calls, whole)
        if fitted.arena_bytes < whole.arena_bytes:
            found.append(fitted)
            smallest = min(smallest, max(fitted.arena_bytes, fit.budget_bytes or 0))
    if not found:
        return whole
    smallest = min(fitted.arena_bytes for fitted in found)
    allowed = max(fit.budget_bytes or 0, smallest)
    if fit.budget_bytes is None:
        allowed = int(smallest * TOLERANCE)
    fitting = [fitted for fitted in found if fitted.arena_bytes <= allowed]
    return min(fitting, key=lambda fitted: (fitted.calls, fitted.arena_bytes))


def _candidates(program: Program) -> Iterator[tuple[Patches, Program]]:
    for operations in heads(program):
        height = given_height(program, operations)
        for rows in sorted({-(-height // strips) for strips in range(2, height + 1)}):
            patches = Patches(operations, rows)
            made = in_patches(program, patches)
            if made is not None:
                yield patches, made


def _measured(
    program: Program, patches: Patches | None, calls: Calls, whole: Fitted | None
) -> Fitted:
    arena_bytes = plan_memory(program, calls).arena_bytes
    return Fitted(program, patches, arena_bytes, _count(calls), whole)


def _count(calls: Calls) -> int:
    return sum(call is not None for call in calls.values())
