"""Estimate cycles: executed blocks, decoded into instruction classes, times a core's timing table.

Instruction counts are exact; this is not: no wait states, no cache, no bus contention, and a table
where a manual may have a pipeline. Instructions that an IT block skips count as executed.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgetool.compilers import Image
from edgetool.compilers.elf import read_elf
from edgetool.packs.schema import Core
from edgetool.runtimes.bare_metal.classes import CONDITIONAL, UNKNOWN
from edgetool.runtimes.bare_metal.dual_issue import Instruction, block_cycles
from edgetool.runtimes.bare_metal.result import Block, EmulatedRun

_STAND_INS = {
    "load_next": "load",
    "store_next": "store",
    "mla": "mul",
    "mla_long": "mul_long",
    "mac_dsp": "mul",
    "mac_dsp_long": "mac_dsp",
    "simd": "alu",
    "saturate": "alu",
    "call_indirect": "branch_indirect",
    "return": "branch_indirect",
    "branch_indirect": "branch_taken",
    "call": "branch_taken",
}
"""A class that a table leaves out costs as much as its plainer kin."""

Decode = Callable[[bytes, int], list[str]]
"""(code, address) → classes, several for an instruction that moves several registers."""


@dataclass(frozen=True)
class _Sum:
    cycles: float
    instructions: int
    unknown: int


def estimate_cycles(run: EmulatedRun, image: Image, core: Core) -> tuple[float, str] | None:
    """Cycles per inference and where they come from; None without blocks or a timing table.

    Raises: MissingToolError if capstone, which decodes, is not installed.
    """
    if not run.blocks or not core.cycles:
        return None
    sums = _block_sums(run, image, core)
    executed, unknown = sum(each.instructions for each in sums), sum(each.unknown for each in sums)
    return sum(each.cycles for each in sums) / run.counted, _source(core, unknown, executed)


def cycles_by_part(run: EmulatedRun, image: Image, core: Core) -> dict[int, float]:
    """Cycles per inference of each part (Block.part); empty without blocks or a timing table.

    Raises: MissingToolError if capstone, which decodes, is not installed.
    """
    if not run.blocks or not core.cycles:
        return {}
    found: dict[int, float] = {}
    for block, its in zip(run.blocks, _block_sums(run, image, core), strict=True):
        found[block.part] = found.get(block.part, 0) + its.cycles / run.counted
    return found


def _block_sums(run: EmulatedRun, image: Image, core: Core) -> list[_Sum]:
    """Of each of the run's blocks in order."""
    elf, decode = read_elf(image.elf), _decoder(core)
    if core.issue_width == 2:
        from edgetool.runtimes.bare_metal.issue_arm import decode as decode_pairs

        return [
            _paired(block, decode_pairs(elf.read(block.address, block.size), block.address), core)
            for block in run.blocks
        ]
    return [
        _block(block, decode(elf.read(block.address, block.size), block.address), core.cycles)
        for block in run.blocks
    ]


def _decoder(core: Core) -> Decode:
    if core.isa.startswith("rv"):
        from edgetool.runtimes.bare_metal.instructions_riscv import classify as classify_riscv

        return classify_riscv
    from edgetool.runtimes.bare_metal.instructions_arm import classify as classify_arm

    return functools.partial(classify_arm, mve=core.mve)


def _block(block: Block, classes: list[str], cycles: Mapping[str, float]) -> _Sum:
    counts = Counter(classes)
    conditional = counts.pop(CONDITIONAL, 0)
    unknown = counts[UNKNOWN]
    once = sum(_cost(name, cycles) * count for name, count in counts.items())
    taken = block.taken * _cost("branch_taken", cycles)
    fallen = (block.executed - block.taken) * _cost("branch_not_taken", cycles)
    total = once * block.executed + conditional * (taken + fallen)
    return _Sum(total, len(classes) * block.executed, unknown * block.executed)


def _paired(block: Block, instructions: list[Instruction], core: Core) -> _Sum:
    """The same where two instructions may be issued in a cycle; a branch takes its place in one,
    and what the table has beyond that when it is taken, or not."""

    def cost(name: str) -> float:
        return 1 if name == CONDITIONAL else _cost(name, core.cycles)

    classes = Counter(name for each in instructions for name in each.classes)
    taken = block.taken * max(0, cost("branch_taken") - 1)
    fallen = (block.executed - block.taken) * max(0, cost("branch_not_taken") - 1)
    total = block_cycles(instructions, cost) * block.executed
    total += classes[CONDITIONAL] * (taken + fallen)
    count = sum(classes.values())
    return _Sum(total, count * block.executed, classes[UNKNOWN] * block.executed)


def _cost(name: str, cycles: Mapping[str, float]) -> float:
    if name in cycles:
        return cycles[name]
    return _cost(_STAND_INS[name], cycles) if name in _STAND_INS else cycles.get("alu", 1)


def _source(core: Core, unknown: int, executed: int) -> str:
    parts = [core.cycles_source, core.cycles_note]
    if unknown:
        share = 100 * unknown / executed
        parts.append(f"{share:.2g} % of instructions not in the table, counted as alu")
    return "; ".join(filter(None, parts))
