"""Waiting for flash: the simulated cache against a list, and a sum that can be done by hand."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import pytest
from firmware_models import ZIG, core_named, firmware, image
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetool.packs.schema import CodeMemory
from edgetool.runtimes.bare_metal import EmulatedRun, flash_stalls, run
from edgetool.runtimes.bare_metal.blocks import CCounter
from edgetool.runtimes.bare_metal.result import CacheCounts
from edgetool.runtimes.bare_metal.unicorn_runner import _hook
from needs import require_module

READS = st.lists(st.tuples(st.integers(0, 200), st.sampled_from([1, 2, 4, 16])), max_size=60)


@pytest.fixture(scope="module")
def hook() -> ctypes.CDLL:
    library = _hook()
    if library is None:
        pytest.skip("no C compiler: install gcc or clang")
    return ctypes.CDLL(library)


def expected(reads: Sequence[tuple[int, int]], unit: int, lines: int) -> CacheCounts:
    """What a list of the units that were used last says."""
    kept: list[int] = []
    wanted = misses = sequential = 0
    for address, size in reads:
        for number in range(address // unit, (address + size - 1) // unit + 1):
            if kept and kept[0] == number:
                continue
            wanted += 1
            if number in kept:
                kept.remove(number)
            else:
                misses += 1
                sequential += bool(kept) and number == kept[0] + 1
            kept = [number, *kept][:lines]
    return CacheCounts(wanted, misses, sequential)


@settings(max_examples=200)
@given(reads=READS, unit=st.sampled_from([4, 8, 16]), lines=st.integers(1, 9))
def test_the_simulated_cache_keeps_what_was_used_last(
    hook: ctypes.CDLL, reads: list[tuple[int, int]], unit: int, lines: int
) -> None:
    counter = CCounter()
    counter.constants.unit_bytes, counter.constants.lines = unit, lines
    for address, size in reads:
        hook.edge_count_read(
            None, 0, ctypes.c_uint64(address), size, ctypes.c_int64(0), ctypes.byref(counter)
        )
    assert CacheCounts(*counter.constants.counts()) == expected(reads, unit, lines)


def emulated(fetches: CacheCounts, constants: CacheCounts) -> EmulatedRun:
    counts = {"instructions": fetches, "constants": constants}
    return EmulatedRun((), (), 0, 0, "unicorn", (), 2, counts)


def test_stalls_are_the_sum_done_by_hand() -> None:
    two = emulated(CacheCounts(1000, 300, 200), CacheCounts(50, 40, 30))
    stalls = flash_stalls(two, CodeMemory(5, 8, 1024, 256), 900.0)
    assert stalls is not None and stalls[0] == (300 * 5 + 40 * 5) / 2
    assert "750 cycles for code, 100 for constants" in stalls[1]
    prefetched = flash_stalls(two, CodeMemory(5, 8, 1024, 256, prefetch=True), 900.0)
    assert prefetched is not None  # a unit runs for 2 x 900 / 1000 cycles
    assert prefetched[0] == pytest.approx((300 * 5 - 200 * 1.8 + 40 * 5) / 2)


def test_without_a_simulated_flash_nothing_waits() -> None:
    run_without = EmulatedRun((), (), 0, 0, "qemu 7.2", (), 1)
    assert flash_stalls(run_without, CodeMemory(5, 8), 1.0) is None
    assert flash_stalls(emulated(CacheCounts(1, 1, 0), CacheCounts(0, 0, 0)), None, 1.0) is None


def test_a_loop_that_fits_is_fetched_once(tmp_path: Path, hook: ctypes.CDLL) -> None:
    require_module("unicorn", ZIG)
    built = image(firmware("counted", (1,), (1,)), "cortex-m4", tmp_path)
    core = core_named("cortex-m4")
    fits = run(built, core, [(b"x",)], code_memory=CodeMemory(1, 4, 1024)).flash["instructions"]
    nothing = run(built, core, [(b"x",)], code_memory=CodeMemory(1, 4)).flash["instructions"]
    assert fits.reads == nothing.reads
    assert fits.misses < 12 <= 10 + fits.misses <= nothing.misses
