"""Helium and low-overhead loops by their encoding: capstone 5 does not know them.

Source: Armv8-M Architecture Reference Manual (DDI 0553), C2.4; checked against GNU binutils.
"""

from __future__ import annotations

_MULTIPLIES = {0b1001: 1, 0b1011: 0}
"""In the Advanced SIMD space: VMUL (opcode 1001, bit 4 set), VQDMULH and VQRDMULH (1011, clear)."""


def classify_mve(first: int, second: int) -> str | None:
    """The class of a 32-bit instruction's two halves; None if it is not Helium or a loop."""
    if first >> 11 == 0b11110 and second & 0xD001 == 0xC001:
        return "loop"
    if first & 0xEF00 == 0xEF00:
        return _advanced_simd_space(first, second)
    if second & 0x0E00 != 0x0E00 or first & 0xEC00 != 0xEC00:
        return None
    return _memory(first, second) if not first & 0x0200 else _arithmetic(first, second)


def _memory(first: int, second: int) -> str:
    load = bool(first & 0x10)
    indexed = first & 0x0120 == 0  # neither pre-indexed nor written back: offsets are a vector
    if indexed and not first & 0x80:
        return "fpu_move"  # two lanes to or from two registers
    interleaved = first & 0xFF00 == 0xFC00 and second & 0x1000
    vector_base = first & 0xFF00 == 0xFD00 and second & 0x1000
    if (indexed and not interleaved) or vector_base:
        return "mve_gather" if load else "mve_scatter"
    return "mve_load" if load else "mve_store"


def _arithmetic(first: int, second: int) -> str:
    odd = bool(second & 0x0100)
    if first & 0x80:
        multiplies = not odd or _is_odd_dual_accumulate(first, second)
    elif first & 0x30 == 0x30:
        doubling_long = odd and first >> 8 == 0xEE and second & 0xFF == 0x05  # VQDMULLB
        multiplies = doubling_long or (not odd and second & 0xF0 == 0x40)
    else:
        multiplies = not odd
    return "mve_mac" if multiplies else "mve_alu"


def _is_odd_dual_accumulate(first: int, second: int) -> bool:
    """8-bit VMLADAV, VRMLALDAVH; not VADDV (bit 0), VMAXV (110), narrowing shifts (bit 6)."""
    return not first & 1 and first & 0x70 != 0x60 and not second & 0x40


def _advanced_simd_space(first: int, second: int) -> str:
    if first & 0x80:
        return "mve_alu"  # immediates, shifts, two-register forms
    opcode, bit4 = second >> 8 & 0xF, second >> 4 & 1
    integer_multiply = _MULTIPLIES.get(opcode) == bit4
    fused = opcode == 0b1100 and bit4
    float_multiply = opcode == 0b1101 and bit4 and first >> 8 == 0xFF
    return "mve_mac" if integer_multiply or fused or float_multiply else "mve_alu"
