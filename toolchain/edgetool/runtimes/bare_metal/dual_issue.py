"""Cycles of a block on a core that issues up to two instructions a cycle, in order.

What may go together, and when results are there, is taken from LLVM's scheduling model of the
Cortex-M7 (ARMScheduleM7.td): two ALUs, two loads, one store, one multiplier, one shifter, one SIMD
unit, one branch. It is a model of throughput: every block begins with nothing under way, every
branch is predicted, loads hit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgetool.runtimes.bare_metal.classes import CONDITIONAL

UNITS = {
    **dict.fromkeys(("mul", "mla", "mul_long", "mla_long", "mac_dsp", "mac_dsp_long"), "multiply"),
    **dict.fromkeys(("simd", "saturate"), "simd"),
    **dict.fromkeys(("store", "store_next", "fpu_store"), "store"),
    **dict.fromkeys(("load", "load_next", "fpu_load"), "load"),
    **dict.fromkeys(("fpu_alu", "fpu_mul", "fpu_mla", "fpu_move", "fpu_convert"), "fpu"),
    **dict.fromkeys((CONDITIONAL, "branch_taken", "call", "return"), "branch"),
    "alu": "alu",
    "it": "alu",
}
"""Class of an instruction → what issues it. Other classes issue alone."""

PER_CYCLE = {"alu": 2, "load": 2}
"""Of a unit that are issued in one cycle, 1 of those that are not named."""

LATENCIES = {"multiply": 2, "simd": 1, "fpu": 3}
"""Cycles from the issue of a unit's instruction to that of one that reads its result, else 1."""


@dataclass(frozen=True)
class Instruction:
    """What issuing depends on. Registers are any numbers that tell them apart.

    classes: of the timing table.   early: registers among reads that are needed a cycle earlier,
    for addresses and shifted operands.   summed: the register that a product is added to, needed a
    cycle later.   is_shifted: it uses the shifter.
    """

    classes: Sequence[str]
    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    early: frozenset[int] = frozenset()
    summed: frozenset[int] = frozenset()
    is_shifted: bool = False

    @property
    def unit(self) -> str | None:
        """What issues it, None: it issues alone."""
        return UNITS.get(self.classes[0]) if len(self.classes) == 1 else None


def block_cycles(block: Sequence[Instruction], cost: Callable[[str], float]) -> float:
    """Cycles until the instruction behind the block could be issued.

    cost: of a class, in cycles: what an instruction of it takes that issues alone.
    """
    ready: dict[int, float] = {}
    now, free = 0.0, 0.0  # when the last instruction was issued, and when the next cycle begins
    older: Instruction | None = None
    for each in block:
        operands = max((_needed(register, each, ready) for register in each.reads), default=0.0)
        if older is not None and operands <= now and _pair(older, each):
            older = None
        else:
            now = max(free, operands)
            older = each
        taken = sum(map(cost, each.classes))
        free = max(free, now + max(1.0, taken))
        done = now + max(taken, LATENCIES.get(each.unit or "", 1))
        ready.update(dict.fromkeys(each.writes, done))
    return free


def _needed(register: int, each: Instruction, ready: dict[int, float]) -> float:
    at = ready.get(register, 0.0)
    if at == 0.0:
        return at
    return at + (register in each.early) - (register in each.summed)


def _pair(older: Instruction, younger: Instruction) -> bool:
    """Whether both are issued in one cycle."""
    units = older.unit, younger.unit
    if None in units or younger.unit == "simd" or younger.reads & older.writes:
        return False
    if older.writes & younger.writes or (older.is_shifted and younger.is_shifted):
        return False
    return all(count <= PER_CYCLE.get(str(unit), 1) for unit, count in Counter(units).items())
