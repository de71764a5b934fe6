"""RV32IMC instructions → classes of a core's timing table (edgetool.packs.CYCLE_CLASSES)."""

from __future__ import annotations

import functools
from typing import Any

from edgetool.runtimes.bare_metal.blocks import instruction_lengths
from edgetool.runtimes.bare_metal.classes import CONDITIONAL, UNKNOWN
from edgetool.runtimes.bare_metal.decoder import load_capstone

_CLASSES = {
    "mul": "mul",
    "j": "branch_taken",
    "jal": "call",
    "nop": "it",
}
_GROUPS = {
    CONDITIONAL: "beq bne blt bge bltu bgeu beqz bnez",
    "load": "lb lh lw lbu lhu lwsp",
    "store": "sb sh sw swsp",
    "mul_long": "mulh mulhu mulhsu",
    "div": "div divu rem remu",
    "system": "csrr csrw csrrw csrrs csrrc fence ecall ebreak",
    "alu": "add addi and andi or ori xor xori sll slli srl srli sra srai sub slt slti sltiu sltu"
    " lui auipc li mv neg not seqz snez sltz sgtz addi16sp addi4spn",
}
_CLASSES |= {name: kind for kind, names in _GROUPS.items() for name in names.split()}


def classify(code: bytes, address: int) -> list[str]:
    """Classes of the instructions of a block, in order."""
    classes: list[str] = []
    offset = 0
    for length in instruction_lengths(code, riscv=True):
        instruction = next(_engine().disasm(code[offset : offset + length], address + offset), None)
        classes.append(_class(instruction) if instruction else UNKNOWN)
        offset += length
    return classes


@functools.cache
def _engine() -> Any:
    capstone = load_capstone()
    return capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC)


def _class(instruction: Any) -> str:
    name = instruction.mnemonic.removeprefix("c.")
    if name in ("ret", "jr", "jalr"):
        return _jump_to_register(name, instruction.op_str)
    return _CLASSES.get(name, UNKNOWN)


def _jump_to_register(name: str, operands: str) -> str:
    if name == "ret" or (name == "jr" and operands == "ra"):
        return "return"
    return (
        "call_indirect" if name == "jalr" and not operands.startswith("zero") else "branch_indirect"
    )
