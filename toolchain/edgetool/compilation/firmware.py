"""From a Program to generated C, and from C to a linked image whose size is known."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetool.artifact import SOURCES
from edgetool.compilation.fitting import constant_bytes, io_bytes, plan_of
from edgetool.compilers.build import build
from edgetool.compilers.firmware import Firmware, Image
from edgetool.errors import ModelError, UsageError
from edgetool.exporters.c import (
    COMPILER_FLAGS,
    CSources,
    Linked,
    export_c,
    generated_name,
    include_folders,
    source_files,
    write_linked_sizes,
)
from edgetool.figures import Figure
from edgetool.packs import Core, Target, kernel_folders
from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.program import Program
from edgetool.runtimes.session import Progress, step


@dataclass(frozen=True)
class CompiledC:
    """Generated C and what is known of it.

    compiler: family, version and flags, None when no compiler ran.   memory: the arena's plan.
    """

    sources: CSources
    figures: Mapping[str, Figure]
    compiler: Mapping[str, Any] | None
    memory: Mapping[str, Any]


def compile_c(
    program: Program,
    target: Target,
    compiler: str,
    folder: Path,
    progress: Progress | None = None,
    optimize: str = "balanced",
) -> CompiledC:
    """Write the C folder of an artifact and, unless compiler is "none", build it for its size.

    Raises: MissingToolError, CompilerError; UnsupportedOperatorError for a missing kernel.
    """
    sources = export_sources(program, target, folder / SOURCES, optimize)
    memory = _memory(program, sources.plan)
    if compiler == "none":
        return CompiledC(sources, plan_figures(program, sources.plan), None, memory)
    with (
        tempfile.TemporaryDirectory(prefix="edgetool-") as work,
        step(progress, f"build with {compiler}"),
    ):
        image = build_sources(program, target, compiler, folder / SOURCES, Path(work), optimize)
        figures = built_figures(program, sources.plan, image)
    how = f"{image.compiler} {COMPILER_FLAGS[optimize]} for {core_of(target).name}"
    write_linked_sizes(sources, Linked(image.flash_bytes, how))
    used = {"family": compiler, "version": image.compiler, "flags": list(image.flags)}
    return CompiledC(sources, figures, used, memory)


def built_flash(
    program: Program, target: Target, compiler: str, optimize: str, progress: Progress | None
) -> int:
    """Bytes of flash that the program's C takes, built and thrown away.

    Raises: as compile_c.
    """
    with tempfile.TemporaryDirectory(prefix="edgetool-") as folder:
        compiled = compile_c(program, target, compiler, Path(folder), progress, optimize)
    return int(compiled.figures["flash_bytes"].value)


def export_sources(
    program: Program, target: Target, folder: Path, optimize: str = "balanced"
) -> CSources:
    """Generate C with the target's kernels into folder."""
    folders = kernel_folders(target)
    return export_c(program, folder, name=program.name, kernel_folders=folders, optimize=optimize)


def build_sources(
    program: Program,
    target: Target,
    compiler: str,
    sources: Path,
    folder: Path,
    optimize: str = "balanced",
) -> Image:
    """Link generated C for the target's core, objects and ELF in folder."""
    if compiler not in ("clang", "gcc"):
        raise UsageError(f"compiler '{compiler}' is not known", hints=("one of: clang, gcc",))
    firmware = Firmware(
        sources=source_files(sources),
        include=include_folders(sources),
        name=generated_name(sources),
        input_bytes=tuple(program.tensors[name].nbytes for name in program.inputs),
        output_bytes=tuple(program.tensors[name].nbytes for name in program.outputs),
        arena_bytes=plan_of(program, target, optimize).arena_bytes,
        single_io=len(program.inputs) == 1 and len(program.outputs) == 1,
    )
    return build(firmware, core_of(target), compiler, COMPILER_FLAGS[optimize], folder)  # type: ignore[arg-type]


def core_of(target: Target) -> Core:
    """The target's core. Raises: ModelError for a target that is not a microcontroller."""
    if target.core is None:
        raise ModelError(
            f"target '{target.name}' is no microcontroller: it has no core to build for"
        )
    return target.core


def plan_figures(program: Program, plan: MemoryPlan) -> dict[str, Figure]:
    """What the memory plan and the constants say without a compiler."""
    return {
        "ram_bytes": Figure(plan.arena_bytes, "B", "computed", "arena with scratch"),
        "arena_bytes": Figure(plan.arena_bytes, "B", "computed"),
        "arena_lower_bound_bytes": Figure(plan.lower_bound_bytes, "B", "computed"),
        "io_bytes": Figure(io_bytes(program), "B", "computed", "buffers that the caller holds"),
        "constant_bytes": Figure(constant_bytes(program), "B", "computed", "weights and biases"),
    }


def built_figures(program: Program, plan: MemoryPlan, image: Image) -> dict[str, Figure]:
    """Sizes of a linked image: the model's own code, constants and static data."""
    figures = plan_figures(program, plan)
    ram = int(figures["arena_bytes"].value) + image.ram_bytes
    code = image.sections["code"] + image.sections["helpers"]
    linked = f"linked by {image.compiler}"
    return figures | {
        "flash_bytes": Figure(image.flash_bytes, "B", "computed", linked),
        "ram_bytes": Figure(ram, "B", "computed", "arena with scratch and static data"),
        "code_bytes": Figure(code, "B", "computed", linked),
        "constant_bytes": Figure(image.sections["constants"], "B", "computed", linked),
    }


def _memory(program: Program, plan: MemoryPlan) -> dict[str, Any]:
    """The arena's plan for the manifest: offset and size of each tensor, the worst operation."""
    return {
        "arena_bytes": plan.arena_bytes,
        "lower_bound_bytes": plan.lower_bound_bytes,
        "peak_operation": plan.peak_operation,
        "tensors": [
            {"name": name, "offset": offset, "bytes": program.tensors[name].nbytes}
            for name, offset in plan.offsets.items()
        ],
    }
