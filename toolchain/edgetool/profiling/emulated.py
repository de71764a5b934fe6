"""Profile generated C on an emulated core: exact instructions, estimated cycles."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from edgetool.artifact import SOURCES, Artifact
from edgetool.compilation.estimated_latency import estimated_figures
from edgetool.compilation.firmware import build_sources, built_figures, core_of, export_sources
from edgetool.compilation.fitting import plan_of
from edgetool.errors import UsageError
from edgetool.figures import Figure
from edgetool.kernels import OPTIMIZE
from edgetool.packs import Target
from edgetool.profiling.layers import Inference, layer_costs
from edgetool.profiling.profile import Profiled
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import EmulatedRun, run
from edgetool.runtimes.session import Progress, step
from edgetool.verification.emulator import choose_emulator, samples_as_bytes

COMPARED = ("instructions", "cycles", "flash_bytes", "ram_bytes", "stack_bytes")
"""Of each aim of --optimize."""


def profile_firmware(
    artifact: Artifact,
    target: Target,
    compiler: str | None,
    emulator: str | None,
    aims: bool = False,
    progress: Progress | None = None,
) -> Profiled:
    """Build the artifact's sources and run its golden inputs, counting every instruction.

    Cycles and the figures of layers are those of the inference with the median of instructions.
    """
    program, core = artifact.c_program(), target.core
    sources = artifact.path(SOURCES)
    if program is None or core is None or sources is None:
        raise UsageError(f"'{artifact.folder}' has no C sources to profile")
    chosen = compiler or (artifact.manifest.compiler or {}).get("family", "clang")
    golden, _ = artifact.golden()
    named = dict(zip(program.input_names, program.inputs, strict=True))
    inputs = samples_as_bytes(program, {named[port]: array for port, array in golden.items()})
    optimize = artifact.manifest.optimize
    with tempfile.TemporaryDirectory(prefix="edgetool-") as folder:
        with step(progress, f"build with {chosen}"):
            image = build_sources(program, target, chosen, sources, Path(folder), optimize)
        with step(progress, f"emulate {len(inputs)} samples"):
            result = run(image, core, inputs, choose_emulator(core, emulator))
            one = run(
                image,
                core,
                [inputs[median_sample(result)]],
                choose_emulator(core, emulator),
                code_memory=target.code_memory,
            )
        estimated, notes = estimated_figures(one, image, target)
        plan = plan_of(program, target, optimize)
        figures = run_figures(result) | estimated | built_figures(program, plan, image)
        layers, missing = layer_costs(Inference(program, target, optimize, plan, image, one))
        details = {
            "compiler": image.compiler,
            "flags": list(image.flags),
            "emulator": result.emulator,
            "inferences": len(result.instructions),
        }
        sections = {
            name: Figure(size, "B", "computed", f"linked by {image.compiler}")
            for name, size in image.sections.items()
        }
    compared = {}
    if aims:
        build = EmulatedBuild(program, target, chosen, inputs[median_sample(result)], emulator)
        for aim in OPTIMIZE:
            with step(progress, f"build and emulate for {aim}"):
                compared[aim] = figures if aim == optimize else build.run(aim)[0]
    return Profiled(
        figures, {}, details, (*notes, *missing), sections, layers, aims=_shown(compared)
    )


@dataclass(frozen=True)
class EmulatedBuild:
    """A program that is built for one aim or another and run on one sample.

    compiler: "clang" or "gcc".   sample: bytes of each input.   emulator: None takes the core's.
    """

    program: Program
    target: Target
    compiler: str
    sample: list[bytes]
    emulator: str | None

    def run(self, aim: str) -> tuple[dict[str, Figure], EmulatedRun]:
        """Figures as those of profile_firmware, and the run. Raises: CompilerError, DeviceError."""
        program, target, core = self.program, self.target, core_of(self.target)
        with tempfile.TemporaryDirectory(prefix="edgetool-") as work:
            sources, objects = Path(work) / "c", Path(work) / "build"
            plan = export_sources(program, target, sources, aim).plan
            image = build_sources(program, target, self.compiler, sources, objects, aim)
            chosen = choose_emulator(core, self.emulator)
            memory = target.code_memory
            done = run(image, core, [self.sample], chosen, code_memory=memory)
            estimated, _ = estimated_figures(done, image, target)
        return run_figures(done) | estimated | built_figures(program, plan, image), done


def _shown(aims: Mapping[str, Mapping[str, Figure]]) -> dict[str, dict[str, Figure]]:
    return {
        aim: {name: figures[name] for name in COMPARED if name in figures}
        for aim, figures in aims.items()
    }


def median_sample(result: EmulatedRun) -> int:
    """Index of the inference with the median of instructions, the lower one of two."""
    return result.instructions.index(median_low(result.instructions))


def run_figures(result: EmulatedRun) -> dict[str, Figure]:
    """What the emulator counted."""
    tool = result.emulator
    return {
        "instructions": Figure(median_low(result.instructions), "1", "emulated", tool),
        "stack_bytes": Figure(result.stack_bytes, "B", "emulated", tool),
        "arena_used_bytes": Figure(result.arena_used_bytes, "B", "emulated", tool),
    }
