"""Thumb instructions → what issuing them depends on (dual_issue.py)."""

from __future__ import annotations

from typing import Any

from edgetool.runtimes.bare_metal.blocks import instruction_lengths
from edgetool.runtimes.bare_metal.decoder import load_capstone
from edgetool.runtimes.bare_metal.dual_issue import UNITS, Instruction
from edgetool.runtimes.bare_metal.instructions_arm import classify, engine

SHIFTS = {"lsl", "lsr", "asr", "ror", "rrx", "bfi", "bfc", "ubfx", "sbfx"}


def decode(code: bytes, address: int) -> list[Instruction]:
    """The instructions of a block, in order."""
    found: list[Instruction] = []
    offset = 0
    for length in instruction_lengths(code, riscv=False):
        one, at = code[offset : offset + length], address + offset
        classes = classify(one, at)
        decoded = next(engine().disasm(one, at, 1), None)
        found.append(_instruction(decoded, classes) if decoded else Instruction(classes))
        offset += length
    return found


def _instruction(decoded: Any, classes: list[str]) -> Instruction:
    memory, register = load_capstone().arm.ARM_OP_MEM, load_capstone().arm.ARM_OP_REG
    reads, writes = map(frozenset, decoded.regs_access())
    operands = list(decoded.operands)
    shifted = {o.reg for o in operands if o.type == register and o.shift.type != 0}
    addresses = {r for o in operands if o.type == memory for r in (o.mem.base, o.mem.index) if r}
    is_sum = UNITS.get(classes[0]) == "multiply" and len(operands) == 4
    return Instruction(
        classes,
        reads,
        writes,
        early=reads & (shifted | addresses),
        summed=reads & {operands[3].reg} if is_sum else frozenset(),
        is_shifted=bool(shifted) or decoded.insn_name() in SHIFTS,
    )
