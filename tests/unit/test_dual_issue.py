"""Cycles of blocks where two instructions may be issued at once: sums that can be done by hand."""

from __future__ import annotations

import pytest

from edgetool.runtimes.bare_metal.dual_issue import Instruction, block_cycles
from edgetool.runtimes.bare_metal.issue_arm import decode
from needs import require_module

CAPSTONE = "pip install 'edgetool[mcu]'"


def cycles(code: str) -> float:
    """Of Thumb code in hexadecimal, each class a cycle but multiples half a cycle a register."""
    require_module("capstone", CAPSTONE)
    block = decode(bytes.fromhex(code.replace(" ", "")), 0x100)
    return block_cycles(block, lambda name: 0.5 if name.endswith("per_register") else 1)


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("0130 0131", 1),  # adds r0, #1; adds r1, #1: flags are not waited for
        ("00f10100 01f10101", 1),  # add.w r0, r0, #1; add.w r1, r1, #1
        ("00f10100 00f10201", 2),  # add.w r0, r0, #1; add.w r1, r0, #2: needs the first
        ("21fb0230 64fb0576", 2),  # smlad; smlad of other registers: one multiplier
        ("21fb0230 d4f80050", 1),  # smlad r0, r1, r2, r3; ldr r5, [r4]
        ("d4f80050 d6f80070", 1),  # two loads
        ("c4f80050 c6f80070", 2),  # two stores
        ("4fea8000 4fea8101", 2),  # lsl.w r0, r0, #2; lsl.w r1, r1, #2: one shifter
        ("2ffa81f0 00f10104", 2),  # sxtb16 r0, r1; add.w r4, r0, #1
        ("2ffa81f0 06f10104", 1),  # sxtb16 r0, r1; add.w r4, r6, #1
        ("06f10104 2ffa81f0", 2),  # SIMD instructions only come first
    ],
)
def test_two_instructions_take_one_cycle_where_nothing_is_in_their_way(
    code: str, right: float
) -> None:
    assert cycles(code) == right


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("21fb0230 24fb0500", 2),  # smlad r0, …; smlad r0, r4, r5, r0: sums are passed on
        ("21fb0230 00f10104", 3),  # smlad r0, …; add.w r4, r0, #1 waits a cycle
        ("01f10101 d1f80050", 3),  # add.w r1, r1, #1; ldr r5, [r1]: addresses are needed early
        ("01f10101 d1f80050 07f10107", 3),  # what follows a load that waits pairs with it
        ("b1e80e00 00f10100", 3.5),  # ldm r1!, {r1-r3} alone: one and a half, then add.w
    ],
)
def test_results_are_waited_for(code: str, right: float) -> None:
    assert cycles(code) == right


def test_registers_are_told_apart_by_when_they_are_needed() -> None:
    require_module("capstone", CAPSTONE)
    load, product = decode(bytes.fromhex("d4f8005021fb0230"), 0)
    assert len(load.early) == 1 and load.early == load.reads and len(load.writes) == 1
    assert len(product.summed) == 1 and product.summed < product.reads and not product.early


def test_an_instruction_of_no_unit_is_issued_alone() -> None:
    alone, other = Instruction(["div"]), Instruction(["alu"])
    assert block_cycles([alone, other], lambda name: 7 if name == "div" else 1) == 8
