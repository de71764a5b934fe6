"""Outputs, instruction counts, stack and arena of hand-written models on every core."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from firmware_models import CORES, ON_BOTH, core_named, emulators, firmware, image, need_emulator

from edgetool.compilers import Compiler, Firmware
from edgetool.errors import DataError, DeviceError
from edgetool.runtimes.bare_metal import EmulatedRun, Emulator, run

WEIGHTS = (
    (1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16),
    (127, 126, 125, 124, -127, -126, -125, -124, 1, 1, 1, 1, 2, 2, 2, 2),
    (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0),
    (-7, 7) * 8,
)
TIMEOUT_S = 120.0


def dense_reference(data: bytes) -> bytes:
    values = struct.unpack("16b", data)
    sums = [100 * o + sum(map(int.__mul__, values, row)) for o, row in enumerate(WEIGHTS)]
    scaled = [(total * 123456789 + (1 << 30)) >> 31 for total in sums]
    return struct.pack("4b", *(max(-128, min(127, value)) for value in scaled))


def samples(count: int, size: int) -> list[tuple[bytes]]:
    source = random.Random(1)
    return [(source.randbytes(size),) for _ in range(count)]


def run_everywhere(
    what: Firmware, core: str, inputs: Sequence[tuple[bytes, ...]], folder: Path
) -> dict[Emulator, EmulatedRun]:
    built = image(what, core, folder)
    return {
        emulator: run(built, core_named(core), inputs, emulator, timeout_s=TIMEOUT_S)
        for emulator in emulators(core)
    }


@pytest.mark.parametrize("core", CORES)
def test_dense_layer_is_right_and_both_emulators_agree(core: str, tmp_path: Path) -> None:
    inputs = samples(5, 16)
    runs = run_everywhere(firmware("dense", (16,), (4,)), core, inputs, tmp_path)
    for done in runs.values():
        assert [outputs[0] for outputs in done.outputs] == [dense_reference(i[0]) for i in inputs]
        assert done.arena_used_bytes == 4
        assert len(done.instructions) == 5
        assert min(done.instructions) > 16  # Helium makes four products in one
    figures = {(r.instructions, r.stack_bytes, r.arena_used_bytes) for r in runs.values()}
    assert len(figures) == 1


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_gcc_builds_what_computes_the_same(core: str, tmp_path: Path) -> None:
    inputs = samples(3, 16)
    built = image(firmware("dense", (16,), (4,)), core, tmp_path, "gcc")
    runs = [run(built, core_named(core), inputs, e, timeout_s=TIMEOUT_S) for e in emulators(core)]
    assert built.compiler.startswith("gcc ")
    for done in runs:
        assert [outputs[0] for outputs in done.outputs] == [dense_reference(i[0]) for i in inputs]
    assert len({done.instructions for done in runs}) == 1


@pytest.mark.parametrize("core", CORES)
def test_floats_are_right_with_and_without_hardware(core: str, tmp_path: Path) -> None:
    values = (1.0, -2.5, 1e10, 0.1)
    data = struct.pack("4f", *values)
    singles = struct.unpack("4f", data)
    runs = run_everywhere(firmware("floats", (16,), (16,)), core, [(data,)], tmp_path)
    expected = [
        _single(_single(a * 1.5) + b / 4) for a, b in zip(singles, singles[::-1], strict=True)
    ]
    for done in runs.values():
        assert struct.unpack("4f", done.outputs[0][0]) == tuple(expected)
    assert len({done.instructions for done in runs.values()}) == 1


def _single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


@pytest.mark.parametrize(
    ("core", "compiler"),
    [
        ("cortex-m0plus", "clang"),
        ("cortex-m3", "clang"),
        ("cortex-m4", "clang"),
        ("rv32imc", "clang"),
        ("cortex-m0plus", "gcc"),
        ("cortex-m3", "gcc"),
        ("rv32imc", "gcc"),
    ],
)
def test_64_bit_helpers_are_right(core: str, compiler: Compiler, tmp_path: Path) -> None:
    source = random.Random(2)
    pairs = [
        (source.randint(-(2**63), 2**63 - 1), source.randint(-(2**40), 2**40)) for _ in range(40)
    ]
    pairs += [(-1, 3), (2**63 - 1, 1), (7, -2), (-7, 2), (5, 64 + 32), (1 << 62, 3)]
    pairs = [(a, b) for a, b in pairs if _as_signed(b, 32) != 0]
    inputs = [(struct.pack("<2q", *pair),) for pair in pairs]
    need_emulator(core, "unicorn")
    built = image(firmware("integers", (16,), (96,)), core, tmp_path, compiler)
    done = run(built, core_named(core), inputs, timeout_s=TIMEOUT_S)
    for (a, b), outputs in zip(pairs, done.outputs, strict=True):
        assert struct.unpack("<12q", outputs[0]) == _integers_reference(a, b), (a, b)


def _integers_reference(a: int, b: int) -> tuple[int, ...]:
    shift = b & 63
    ua, ub = a % 2**64, b % 2**64
    a32, b32 = _as_signed(a, 32), _as_signed(b, 32)
    results = (
        (a * b, 64),
        (_quotient(a, b), 64),
        (a - _quotient(a, b) * b, 64),
        (ua // ub, 64),
        (ua % ub, 64),
        (ua << shift, 64),
        (ua >> shift, 64),
        (a >> shift, 64),
        (_quotient(a32, b32), 64),
        (a32 - _quotient(a32, b32) * b32, 64),
        ((a % 2**32) // (b % 2**32), 64),
        ((a % 2**32) % (b % 2**32), 64),
    )
    return tuple(_as_signed(value, bits) for value, bits in results)


def _quotient(a: int, b: int) -> int:
    magnitude = abs(a) // abs(b)
    return magnitude if (a < 0) == (b < 0) else -magnitude


def _as_signed(value: int, bits: int) -> int:
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("core", CORES)
def test_a_known_sequence_counts_33_instructions(core: str, tmp_path: Path) -> None:
    runs = run_everywhere(firmware("counted", (1,), (1,)), core, [(b"x",)] * 3, tmp_path)
    for done in runs.values():
        assert done.instructions == (33, 33, 33)
        assert {o[0] for o in done.outputs} == {b"\n"}


@pytest.mark.parametrize("core", CORES)
def test_stack_of_1000_bytes_and_arena_of_78_are_measured_exactly(
    core: str, tmp_path: Path
) -> None:
    what = firmware("stack", (1,), (1,), arena=100)
    for done in run_everywhere(what, core, [(b"x",)] * 2, tmp_path).values():
        assert (done.stack_bytes, done.arena_used_bytes) == (1000, 78)


@pytest.mark.parametrize("core", ["cortex-m4", "rv32imc"])
def test_several_inputs_and_outputs_go_through_arrays_of_pointers(
    core: str, tmp_path: Path
) -> None:
    what = firmware("two", (3, 3), (3, 3), single=False)
    inputs = [(bytes([5, 6, 7]), bytes([1, 2, 3])), (bytes([9, 9, 9]), bytes([4, 5, 6]))]
    for done in run_everywhere(what, core, inputs, tmp_path).values():
        assert done.outputs == (
            (bytes([6, 8, 10]), bytes([4, 4, 4])),
            (bytes([13, 14, 15]), bytes([5, 4, 3])),
        )


def test_without_counting_outputs_are_the_same_and_no_count_is_given(tmp_path: Path) -> None:
    built = image(firmware("dense", (16,), (4,)), "cortex-m4", tmp_path)
    for emulator in emulators("cortex-m4"):
        counted = run(built, core_named("cortex-m4"), samples(2, 16), emulator)
        plain = run(
            built,
            core_named("cortex-m4"),
            samples(2, 16),
            emulator,
            count_instructions=False,
        )
        assert plain.outputs == counted.outputs
        assert (plain.instructions, plain.blocks, plain.counted) == ((), (), 0)


def test_the_hook_in_python_counts_what_the_compiled_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_emulator("cortex-m0plus", "unicorn")
    built = image(firmware("dense", (16,), (4,)), "cortex-m0plus", tmp_path)
    core = core_named("cortex-m0plus")
    compiled = run(built, core, samples(3, 16))
    monkeypatch.setattr(
        "edgetool.runtimes.bare_metal.unicorn_runner.shared_object", lambda *_: None
    )
    python = run(built, core, samples(3, 16))
    assert python.instructions == compiled.instructions
    assert set(python.blocks) == set(compiled.blocks)


@pytest.mark.parametrize("core", ON_BOTH)
def test_blocks_add_up_to_the_counted_instructions(core: str, tmp_path: Path) -> None:
    from edgetool.compilers.elf import read_elf
    from edgetool.runtimes.bare_metal.blocks import instruction_lengths

    built = image(firmware("dense", (16,), (4,)), core, tmp_path)
    for emulator in emulators(core):
        done = run(built, core_named(core), samples(3, 16), emulator)
        elf = read_elf(built.elf)
        riscv = core == "rv32imc"
        total = sum(
            b.executed * len(instruction_lengths(elf.read(b.address, b.size), riscv=riscv))
            for b in done.blocks
        )
        assert total == sum(done.instructions)


def test_inputs_of_the_wrong_size_are_refused_with_both_sizes(tmp_path: Path) -> None:
    built = image(firmware("dense", (16,), (4,)), "cortex-m4", tmp_path)
    with pytest.raises(DataError, match=r"\(15,\) bytes.*\(16,\) bytes"):
        run(built, core_named("cortex-m4"), [(bytes(15),)])


def test_a_core_that_unicorn_lacks_points_to_qemu(tmp_path: Path) -> None:
    built = image(firmware("dense", (16,), (4,)), "cortex-m55", tmp_path)
    with pytest.raises(DeviceError, match="unicorn cannot run cortex-m55") as caught:
        run(built, core_named("cortex-m55"), samples(1, 16))
    assert "qemu" in caught.value.hints[0]
