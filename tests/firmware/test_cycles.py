"""Estimated cycles: instruction classes, and a sum that can be done by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from firmware_models import ZIG, core_named, emulators, firmware, image

from edgetool.packs import CYCLE_CLASSES
from edgetool.runtimes.bare_metal import estimate_cycles, run
from edgetool.runtimes.bare_metal.classes import CONDITIONAL, UNKNOWN
from edgetool.runtimes.bare_metal.instructions_arm import classify
from edgetool.runtimes.bare_metal.instructions_mve import classify_mve
from edgetool.runtimes.bare_metal.instructions_riscv import classify as classify_riscv
from needs import require_module

THUMB = (
    ("0130", ["alu"]),  # adds r0, #1
    ("08684a68", ["load", "load_next"]),  # ldr r0, [r1]; ldr r2, [r1, #4]
    ("08600868", ["store", "load_next"]),  # str; ldr
    ("0868013008 68".replace(" ", ""), ["load", "alu", "load"]),
    ("4843", ["mul"]),  # muls r0, r1
    ("81fb0045", ["mul_long"]),  # smull
    ("c1fb0045", ["mla_long"]),  # smlal
    ("01fb0200", ["mla"]),  # mla r0, r1, r2, r0
    ("21fb0230", ["mac_dsp"]),  # smlad
    ("2ffa81f0", ["simd"]),  # sxtb16
    ("00f30700", ["saturate"]),  # ssat
    ("91fbf2f0", ["div"]),  # sdiv
    ("d1e90045", ["load_double"]),  # ldrd
    ("70b5", ["store_multiple_base", *["store_multiple_per_register"] * 4]),  # push {r4-r6, lr}
    ("70bd", ["load_multiple_base", *["load_multiple_per_register"] * 4, "return_pop"]),
    ("0fc9", ["load_multiple_base", *["load_multiple_per_register"] * 4]),  # ldm r1!, {r0-r3}
    ("fed1", [CONDITIONAL]),  # bne
    ("08b1", [CONDITIONAL]),  # cbz
    ("fee7", ["branch_taken"]),  # b
    ("fff7feff", ["call"]),  # bl
    ("8847", ["call_indirect"]),  # blx r1
    ("7047", ["return"]),  # bx lr
    ("0847", ["branch_indirect"]),  # bx r1
    ("18bf", ["it"]),
    ("30ee200a", ["fpu_alu"]),  # vadd.f32
    ("20ee200a", ["fpu_mul"]),  # vmul.f32
    ("a0ee200a", ["fpu_mla"]),  # vfma.f32
    ("80ee200a", ["fpu_div"]),  # vdiv.f32
    ("90ed000a", ["fpu_load"]),  # vldr
    ("b0ec040a", ["fpu_load_multiple_base", *["fpu_load_multiple_per_register"] * 4]),
)
HELIUM = (
    (0xECB0, 0x1E10, "mve_load"),  # vldrb.u8 q0, [r0], #16
    (0xED91, 0x2F00, "mve_load"),  # vldrb.s32 q1, [r1]
    (0xEC91, 0x2E84, "mve_gather"),  # vldrb.s16 q1, [r1, q2]
    (0xFD94, 0x3E01, "mve_gather"),  # vldrw.u32 q1, [q2, #4]
    (0xEC81, 0x2F04, "mve_scatter"),  # vstrb.32 q1, [r1, q2]
    (0xED83, 0x5F00, "mve_store"),  # vstrw.32 q2, [r3]
    (0xEEF0, 0x0F22, "mve_mac"),  # vmladava.s8
    (0xEE80, 0x0E22, "mve_mac"),  # vmlaldava.s16
    (0xFF22, 0x0B44, "mve_mac"),  # vqrdmulh.s32
    (0xEE22, 0x0E42, "mve_mac"),  # vqrdmlah.s32
    (0xEF02, 0x0C54, "mve_mac"),  # vfma.f32
    (0xEF22, 0x0844, "mve_alu"),  # vadd.i32
    (0xEEF9, 0x0F02, "mve_alu"),  # vaddv.s32
    (0xEEE2, 0x0F02, "mve_alu"),  # vmaxv.s8
    (0xEF24, 0x0542, "mve_alu"),  # vrshl.s32
    (0xEC11, 0x0F00, "fpu_move"),  # vmov r0, r1, q0[2], q0[0]
    (0xF040, 0xE001, "loop"),  # dls
    (0xF00F, 0xC00D, "loop"),  # le
    (0xED90, 0x0A00, None),  # vldr s0
    (0xF7FF, 0xFFFE, None),  # bl
)


@pytest.mark.parametrize(("code", "classes"), THUMB)
def test_thumb_instructions_have_their_class(code: str, classes: list[str]) -> None:
    require_module("capstone", ZIG)
    assert classify(bytes.fromhex(code), 0x100) == classes


@pytest.mark.parametrize(("first", "second", "kind"), HELIUM)
def test_helium_instructions_have_their_class(first: int, second: int, kind: str | None) -> None:
    assert classify_mve(first, second) == kind


def test_riscv_instructions_have_their_class() -> None:
    require_module("capstone", ZIG)
    code = bytes.fromhex("33055502130515000325050023205500334555028280")
    assert classify_riscv(code, 0) == ["mul", "alu", "load", "store", "div", "return"]


def test_what_is_not_known_is_said_so() -> None:
    require_module("capstone", ZIG)
    assert classify(bytes.fromhex("00de"), 0) == [UNKNOWN]


def test_every_class_is_one_that_tables_may_have() -> None:
    produced = {name for _, classes in THUMB for name in classes} - {CONDITIONAL, UNKNOWN}
    produced |= {kind for *_, kind in HELIUM if kind}
    assert produced <= set(CYCLE_CLASSES)


def test_cycles_of_a_known_sequence_are_the_sum_done_by_hand(tmp_path: Path) -> None:
    require_module("capstone", ZIG)
    core = core_named("cortex-m4")
    built = image(firmware("counted", (1,), (1,)), "cortex-m4", tmp_path)
    table = {
        "alu": 1, "store": 7, "it": 100, "branch_taken": 1000, "branch_not_taken": 10_000,
        "return": 100_000,
    }  # fmt: skip
    known = dataclasses.replace(core, cycles=table, cycles_source="by hand", cycles_note="")
    for emulator in emulators("cortex-m4"):
        done = run(built, core, [(b"x",)] * 3, emulator)
        estimate = estimate_cycles(done, built, known)
        # movs, strb; ten of subs and nop; nine taken, one not; bx lr.
        assert estimate == (11 + 7 + 1000 + 9 * 1000 + 10_000 + 100_000, "by hand")


def test_without_a_table_there_is_no_estimate(tmp_path: Path) -> None:
    built = image(firmware("counted", (1,), (1,)), "rv32imc", tmp_path)
    done = run(built, core_named("rv32imc"), [(b"x",)], emulators("rv32imc")[0])
    assert estimate_cycles(done, built, core_named("rv32imc")) is None
