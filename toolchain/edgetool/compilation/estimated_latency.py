"""Cycles and latency of generated C, estimated from what an emulator executed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from edgetool.compilation.firmware import build_sources, core_of, export_sources
from edgetool.compilers.firmware import Image
from edgetool.errors import MissingToolError, UsageError
from edgetool.figures import Figure
from edgetool.packs import Target
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import EmulatedRun, Emulator, estimate_cycles, flash_stalls, run
from edgetool.runtimes.session import Progress, step


def estimate_latency_s(
    program: Program,
    target: Target,
    compiler: str,
    optimize: str,
    sample: list[bytes],
    progress: Progress | None = None,
) -> float:
    """Seconds of one inference: built, emulated, and thrown away.

    sample: bytes of each input.   Raises: UsageError where the target allows no estimate.
    """
    core = core_of(target)
    with tempfile.TemporaryDirectory(prefix="edgetool-") as work:
        sources, objects = Path(work) / "c", Path(work) / "build"
        export_sources(program, target, sources, optimize)
        with step(progress, f"build with {compiler} and emulate"):
            image = build_sources(program, target, compiler, sources, objects, optimize)
            emulator: Emulator = "unicorn" if core.unicorn_cpu is not None else "qemu"
            done = run(image, core, [sample], emulator, code_memory=target.code_memory)
            figures, notes = estimated_figures(done, image, target)
    if "latency_s" not in figures:
        raise UsageError(
            f"--budget latency cannot be estimated: {'; '.join(notes)}",
            hints=("a board with a clock: `edgetool targets`", "leave out --budget latency"),
        )
    return float(figures["latency_s"].value)


def estimated_figures(
    result: EmulatedRun, image: Image, target: Target
) -> tuple[dict[str, Figure], tuple[str, ...]]:
    """(cycles, and where the target has a clock latency, with stalls where its flash is known;
    notes that say why one is missing)."""
    core = core_of(target)
    try:
        estimate = estimate_cycles(result, image, core)
    except MissingToolError as error:
        return {}, (f"no cycles: {error.message}; {'; '.join(error.hints)}",)
    if estimate is None:
        why = "has no timing table" if not core.cycles else "was run without counting blocks"
        return {}, (f"no cycles: {core.name} {why}",)
    cycles, source = estimate
    figures = {"cycles": Figure(round(cycles), "1", "estimated", source)}
    if not target.clock_hz:
        return figures, (f"no latency in seconds: '{target.name}' is a core without a clock",)
    stalls = flash_stalls(result, target.code_memory, cycles)
    if stalls is None:
        what, waiting = "cycles", 0.0
    else:
        waiting, how = stalls
        what = "cycles and stall_cycles"
        figures["stall_cycles"] = Figure(round(waiting), "1", "estimated", how)
    clock = f"{what} at {target.clock_hz / 1e6:g} MHz" + (", no wait states" if not stalls else "")
    figures["latency_s"] = Figure((cycles + waiting) / target.clock_hz, "s", "estimated", clock)
    return figures, ()
