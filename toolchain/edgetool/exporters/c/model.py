"""Exports a Program as a folder of C99 that compiles anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetool.exporters.c.calls import Calls, declaration
from edgetool.exporters.c.constants import Constants
from edgetool.exporters.c.costs import memory_by_layer, parameter_bytes
from edgetool.exporters.c.examples import example
from edgetool.exporters.c.kernels import instance_files, kernel_files
from edgetool.exporters.c.layout import KERNELS, SOURCE, include_folders
from edgetool.exporters.c.names import c_identifier
from edgetool.exporters.c.projects import COMPILER_FLAGS, project_files
from edgetool.exporters.c.readme import readme
from edgetool.exporters.c.source import (
    Interface,
    Linked,
    header,
    source,
    weights_header,
    weights_source,
)
from edgetool.kernels import choose_kernels
from edgetool.program.memory_plan import MemoryPlan, plan_memory
from edgetool.program.program import Program
from edgetool.program.storage import storage_of


@dataclass(frozen=True, eq=False)
class CSources:
    """The generated folder: sources in src/ and src/kernels/, project files and examples around it.

    name: C prefix; `<name>_run` is called.   files: paths in directory, sorted.
    input_bytes, output_bytes: of each buffer in order.   constants_bytes: arrays and parameters.
    single_io: `<name>_run(input, output, arena)` instead of arrays of pointers.
    interface: what the header is written from.
    """

    directory: Path
    name: str
    files: tuple[str, ...]
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]
    constants_bytes: int
    single_io: bool
    plan: MemoryPlan
    interface: Interface

    @property
    def arena_bytes(self) -> int:
        """Working memory that the caller hands in."""
        return self.plan.arena_bytes

    @property
    def sources(self) -> tuple[Path, ...]:
        """The .c files to compile; the example is not among them."""
        return tuple(self.directory / name for name in _compiled(self.files))

    @property
    def include(self) -> tuple[Path, ...]:
        """Folders for -I."""
        return include_folders(self.directory)


def export_c(
    program: Program,
    directory: Path,
    *,
    name: str,
    kernel_folders: Sequence[Path],
    optimize: str = "balanced",
) -> CSources:
    """Write the program as C into directory, which is made.

    name: made a valid C identifier.   kernel_folders: searched in this order for each kernel.
    optimize: what the choice of kernels aims at (`edgetool.kernels.OPTIMIZE`).
    The same program gives the same bytes.
    Raises: UnsupportedOperatorError for an operation or a type that has no kernel.
    """
    calls_by_name = choose_kernels(program, kernel_folders, optimize)
    kernels = list(calls_by_name.values())
    layers = {
        call.function: operation.name
        for operation, call in zip(program.operations, kernels, strict=True)
        if call is not None
    }
    copied = kernel_files(layers, kernel_folders, instance_files(kernels))
    prefix = _free_name(c_identifier(name), copied)
    plan = plan_memory(program, calls_by_name)
    interface = Interface(program, prefix, plan.arena_bytes)
    constants = Constants(prefix)
    calls = Calls(program, storage_of(program), plan, constants, interface.single_io, kernels)
    own = {
        f"{prefix}.c": source(interface, plan, calls.statements(), sorted(layers)),
        f"{prefix}.h": header(interface),
        f"{prefix}_weights.c": weights_source(interface, constants),
        f"{prefix}_weights.h": weights_header(interface, constants),
        **{f"{KERNELS}/{file}": text for file, text in copied.items()},
    }
    files = {f"{SOURCE}/{file}": text for file, text in own.items()}
    distinct = {declaration(call, "p", ""): call for call in kernels if call is not None}
    constants_bytes = constants.nbytes + sum(map(parameter_bytes, distinct.values()))
    files |= project_files(interface, _compiled(files), optimize)
    memory = memory_by_layer(program, calls_by_name, plan)
    flags = COMPILER_FLAGS[optimize]
    cores = list(dict.fromkeys(folder.parent.name for folder in kernel_folders))
    files["README.md"] = readme(interface, plan, constants_bytes, memory, flags, cores)
    files["examples/main.c"] = example(interface)
    _write(directory, files)
    return CSources(
        directory,
        prefix,
        tuple(sorted(files)),
        tuple(program.tensors[name].nbytes for name in program.inputs),
        tuple(program.tensors[name].nbytes for name in program.outputs),
        constants_bytes,
        interface.single_io,
        plan,
        interface,
    )


def write_linked_sizes(sources: CSources, linked: Linked) -> None:
    """Write the header again, with the macros that only a linker knows."""
    _write(sources.directory, {f"{SOURCE}/{sources.name}.h": header(sources.interface, linked)})


def _free_name(name: str, kernels: Mapping[str, str]) -> str:
    """name, or name_model where a kernel or its header has that name."""
    taken = {file.rsplit(".", 1)[0] for file in kernels}
    return f"{name}_model" if {name, f"{name}_weights", f"{name}_run"} & taken else name


def _compiled(files: Sequence[str] | Mapping[str, str]) -> list[str]:
    return sorted(name for name in files if name.endswith(".c") and name.startswith(SOURCE))


def _write(directory: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
