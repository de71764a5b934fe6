"""Profile generated C on an emulated core: exact instructions, estimated cycles."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from edgetool.artifact import SOURCES, Artifact
from edgetool.compilation.firmware import build_sources, built_figures
from edgetool.errors import UsageError
from edgetool.figures import Figure
from edgetool.packs import Target
from edgetool.profiling.profile import Profiled
from edgetool.runtimes.bare_metal import EmulatedRun, estimate_cycles, run
from edgetool.verification.emulator import choose_emulator, samples_as_bytes


def profile_firmware(
    artifact: Artifact, target: Target, compiler: str | None, emulator: str | None
) -> Profiled:
    """Build the artifact's sources and run its golden inputs, counting every instruction."""
    program, core = artifact.program(), target.core
    sources = artifact.path(SOURCES)
    if program is None or core is None or sources is None:
        raise UsageError(f"'{artifact.folder}' has no C sources to profile")
    chosen = compiler or (artifact.manifest.compiler or {}).get("family", "clang")
    golden, _ = artifact.golden()
    named = dict(zip(program.input_names, program.inputs, strict=True))
    inputs = samples_as_bytes(program, {named[port]: array for port, array in golden.items()})
    with tempfile.TemporaryDirectory(prefix="edgetool-") as folder:
        image = build_sources(program, target, chosen, sources, Path(folder))
        result = run(image, core, inputs, choose_emulator(core, emulator))
        cycles, source = estimate_cycles(result, image, core)
        figures = {
            **run_figures(result, cycles, source, target),
            **built_figures(program, target, image),
        }
        details = {
            "sections": dict(image.sections),
            "compiler": image.compiler,
            "flags": list(image.flags),
            "emulator": result.emulator,
            "inferences": len(result.instructions),
        }
    return Profiled(figures, {}, details, _notes(target))


def run_figures(
    result: EmulatedRun, cycles: float, source: str, target: Target
) -> dict[str, Figure]:
    """Figures of an emulated run; latency only where the target has a clock."""
    figures = {
        "instructions": Figure(median(result.instructions), "1", "emulated", result.emulator),
        "cycles": Figure(round(cycles), "1", "estimated", source),
        "stack_bytes": Figure(result.stack_bytes, "B", "emulated", result.emulator),
        "arena_used_bytes": Figure(result.arena_used_bytes, "B", "emulated", result.emulator),
    }
    if target.clock_hz:
        latency = cycles / target.clock_hz
        clock = f"{source}; {target.clock_hz / 1e6:g} MHz, no wait states"
        figures["latency_s"] = Figure(latency, "s", "estimated", clock)
    return figures


def _notes(target: Target) -> tuple[str, ...]:
    notes = []
    if target.core is not None and target.core.cycles_note:
        notes.append(target.core.cycles_note)
    if not target.clock_hz:
        notes.append(f"'{target.name}' is a bare core without a clock: no latency in seconds")
    return tuple(notes)
