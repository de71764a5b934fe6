"""Thumb instructions → classes of a core's timing table (edgetool.packs.CYCLE_CLASSES)."""

from __future__ import annotations

import functools
from typing import Any

from edgetool.runtimes.bare_metal.blocks import instruction_lengths
from edgetool.runtimes.bare_metal.classes import CONDITIONAL, UNKNOWN
from edgetool.runtimes.bare_metal.decoder import load_capstone
from edgetool.runtimes.bare_metal.instructions_mve import classify_mve


def _names(**classes: str) -> dict[str, str]:
    return {name: kind for kind, names in classes.items() for name in names.split()}


_CLASSES = _names(
    alu="adc add adds addw and asr bic cmn cmp eor lsl lsr mov movs movt movw mvn orn orr ror rrx"
    " rsb sbc sub subs subw teq tst sxtb sxth uxtb uxth bfc bfi sbfx ubfx clz rbit rev rev16 revsh"
    " adr neg cinc cinv cneg csel cset csetm csinc csinv csneg",
    mul="mul",
    mla="mla mls",
    mul_long="smull umull",
    mla_long="smlal umlal umaal",
    mac_dsp="smlad smladx smlabb smlabt smlatb smlatt smlawb smlawt smlsd smlsdx smmla smmlar smmls"
    " smmlsr smmul smmulr smuad smuadx smulbb smulbt smultb smultt smulwb smulwt smusd smusdx"
    " usad8 usada8",
    mac_dsp_long="smlald smlaldx smlalbb smlalbt smlaltb smlaltt smlsld smlsldx",
    simd="pkhbt pkhtb sxtb16 uxtb16 sxtab16 uxtab16 sxtab sxtah uxtab uxtah sadd16 sadd8 ssub16"
    " ssub8 uadd16 uadd8 usub16 usub8 shadd16 shadd8 shsub16 shsub8 uhadd16 uhadd8 uhsub16"
    " uhsub8 qadd16 qadd8 qsub16 qsub8 uqadd16 uqadd8 uqsub16 uqsub8 sasx ssax uasx usax qasx"
    " qsax shasx shsax uhasx uhsax uqasx uqsax sel",
    saturate="ssat usat ssat16 usat16 qadd qsub qdadd qdsub",
    div="sdiv udiv",
    load="ldr ldrb ldrh ldrsb ldrsh ldrbt ldrht ldrt ldrsbt ldrsht ldrex ldrexb ldrexh",
    store="str strb strh strbt strht strt strex strexb strexh",
    load_double="ldrd",
    store_double="strd",
    it="it nop yield wfe wfi sev pld pli hint",
    system="mrs msr dmb dsb isb cps cpsie cpsid svc bkpt",
    fpu_alu="vadd vsub vabs vneg vcmp vcmpe vmaxnm vminnm vsel vseleq vselge vselgt vselvs",
    fpu_mul="vmul vnmul",
    fpu_mla="vmla vmls vnmla vnmls vfma vfms vfnma vfnms",
    fpu_div="vdiv",
    fpu_sqrt="vsqrt",
    fpu_convert="vcvt vcvtr vcvtb vcvtt vcvta vcvtm vcvtn vcvtp vrinta vrintm vrintn vrintp vrintr"
    " vrintx vrintz",
    fpu_move="vmov vmrs vmsr fconsts fconstd",
    mve_alu="vdup",
    fpu_load="vldr",
    fpu_store="vstr",
)
_MULTIPLE = {
    "ldm": "load_multiple",
    "ldmdb": "load_multiple",
    "pop": "load_multiple",
    "stm": "store_multiple",
    "stmdb": "store_multiple",
    "push": "store_multiple",
    "vldmia": "fpu_load_multiple",
    "vldmdb": "fpu_load_multiple",
    "vpop": "fpu_load_multiple",
    "vstmia": "fpu_store_multiple",
    "vstmdb": "fpu_store_multiple",
    "vpush": "fpu_store_multiple",
}
_WITHOUT_BASE = {"push", "pop", "vpush", "vpop"}
_SINGLE = {"load", "load_next", "store", "store_next"}


def classify(code: bytes, address: int, *, mve: bool = False) -> list[str]:
    """Classes of the instructions of a block, in order; several for LDM, STM and their kin."""
    classes: list[str] = []
    offset = 0
    pipelined = False
    for length in instruction_lengths(code, riscv=False):
        found = _instruction(code[offset : offset + length], address + offset, mve)
        single = found[0] in _SINGLE
        if single and pipelined:
            found = [f"{found[0]}_next", *found[1:]]
        pipelined = single
        classes += found
        offset += length
    return classes


def _instruction(code: bytes, address: int, mve: bool) -> list[str]:
    if mve and len(code) == 4:
        vector = classify_mve(
            int.from_bytes(code[:2], "little"), int.from_bytes(code[2:], "little")
        )
        if vector:
            return [vector]
    decoded = next(engine().disasm(code, address, 1), None)
    return _decoded(decoded) if decoded else [UNKNOWN]


@functools.cache
def engine() -> Any:
    """Capstone's disassembler of Thumb."""
    capstone = load_capstone()
    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8
    engine = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    engine.detail = True
    return engine


def _decoded(instruction: Any) -> list[str]:
    name = instruction.insn_name()
    if name in _MULTIPLE:
        return _multiple(instruction, name)
    branch = _branch(instruction, name)
    if branch:
        return branch
    kind = _CLASSES.get(name)
    if kind is None:
        return [UNKNOWN]
    return [kind, "branch_indirect"] if _writes_pc(instruction) else [kind]


def _branch(instruction: Any, name: str) -> list[str]:
    capstone = load_capstone()
    unconditional = instruction.cc in (0, capstone.arm.ARM_CC_AL)
    if name in ("cbz", "cbnz") or (name == "b" and not unconditional):
        return [CONDITIONAL]
    if name in ("tbb", "tbh"):
        return ["load", "branch_indirect"]
    if name == "bx":
        link = instruction.operands[0].reg == capstone.arm.ARM_REG_LR
        return ["return" if link else "branch_indirect"]
    fixed = {"b": "branch_taken", "bl": "call", "blx": "call_indirect"}
    return [fixed[name]] if name in fixed else []


def _writes_pc(instruction: Any) -> bool:
    pc = load_capstone().arm.ARM_REG_PC
    operands = instruction.operands
    reads_only = instruction.insn_name() in ("cmp", "cmn", "tst", "teq") or instruction.mnemonic[
        :2
    ] in ("st", "vs")
    return bool(operands) and not reads_only and operands[0].reg == pc and operands[0].type == 1


def _multiple(instruction: Any, name: str) -> list[str]:
    kind = _MULTIPLE[name]
    registers = [o.reg for o in instruction.operands][0 if name in _WITHOUT_BASE else 1 :]
    double = [instruction.reg_name(register).startswith("d") for register in registers]
    moved = len(registers) + sum(double)
    classes = [f"{kind}_base", *[f"{kind}_per_register"] * moved]
    if load_capstone().arm.ARM_REG_PC in registers and kind == "load_multiple":
        classes.append("return_pop")
    return classes
