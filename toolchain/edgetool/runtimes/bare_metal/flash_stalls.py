"""Cycles that a core waits for flash: reads that no cache answers, times the wait states.

What is read, and what a cache of the board's size would have kept, comes from the emulator, which
simulates it as fully associative. How long a read takes is estimated: no bus contention, constants
are never prefetched, and data in RAM never wait.
"""

from __future__ import annotations

from edgetool.packs.schema import CodeMemory
from edgetool.runtimes.bare_metal.result import CacheCounts, EmulatedRun


def flash_stalls(
    run: EmulatedRun, memory: CodeMemory | None, cycles: float
) -> tuple[float, str] | None:
    """(cycles per inference, how they come about); None where no flash was simulated.

    cycles: of an inference without wait states.
    """
    if memory is None or not run.flash:
        return None
    fetches, constants = run.flash["instructions"], run.flash["constants"]
    fetching = _fetch_stalls(fetches, memory, cycles * run.counted) / run.counted
    reading = constants.misses * memory.wait_states / run.counted
    kept = f"{_kept(memory.instruction_cache_bytes)} of code and {_kept(memory.data_cache_bytes)}"
    return fetching + reading, (
        f"{memory.wait_states} wait states for each {memory.read_bytes} bytes of flash beyond"
        f" {kept} of constants that are kept, fully associative in {run.emulator}:"
        f" {fetching:,.0f} cycles for code, {reading:,.0f} for constants"
    )


def _fetch_stalls(fetches: CacheCounts, memory: CodeMemory, cycles: float) -> float:
    """A prefetch hides of a sequential read what the code before it takes to run."""
    hidden = 0.0
    if memory.prefetch and fetches.reads:
        hidden = min(memory.wait_states, cycles / fetches.reads)
    return fetches.misses * memory.wait_states - fetches.sequential * hidden


def _kept(cache_bytes: int) -> str:
    return f"{cache_bytes:,} bytes" if cache_bytes else "the last read"
