"""Build an image: compile the model, the harness and the helpers apart, link them by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetool.compilers.elf import Elf, read_elf
from edgetool.compilers.firmware import (
    STACK_BYTES,
    Compiler,
    Firmware,
    Image,
    MemoryPlan,
    plan_memory,
)
from edgetool.compilers.gcc import gcc_toolchain
from edgetool.compilers.machines import Machine, machine_named, memory_command
from edgetool.compilers.toolchain import Toolchain
from edgetool.compilers.units import Unit, UnitBuilder
from edgetool.compilers.zig import zig_toolchain
from edgetool.packs.finding import built_in_root
from edgetool.packs.schema import Core


def build(
    firmware: Firmware,
    core: Core,
    compiler: Compiler = "clang",
    optimize: str = "-O2",
    directory: Path = Path("build"),
) -> Image:
    """Compile and link a generated model for an emulated core.

    directory: where objects, linker script and `<name>.elf` go; made if it is not there.
    The same firmware, core and compiler give the same ELF bytes in any folder.
    Raises: MissingToolError, CompilerError, DoesNotFitError, UsageError.
    """
    firmware.check()
    directory = directory.resolve()
    toolchain = toolchain_for(core, compiler)
    job = _Job(firmware, core, toolchain, optimize, directory, machine_named(core.qemu_machine))
    job.write_configuration()
    builder = UnitBuilder(toolchain, core.name, directory)
    objects = builder.compile(list(job.units()))
    return _image(job, builder.link(objects, "firmware.ld", f"{firmware.name}.elf"))


def toolchain_for(core: Core, compiler: Compiler) -> Toolchain:
    """The compiler's commands for a core. Raises: MissingToolError."""
    return zig_toolchain(core) if compiler == "clang" else gcc_toolchain(core)


@dataclass(frozen=True)
class _Job:
    firmware: Firmware
    core: Core
    toolchain: Toolchain
    optimize: str
    directory: Path
    machine: Machine

    @property
    def plan(self) -> MemoryPlan:
        return plan_memory(self.firmware)

    def write_configuration(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        header = _configuration(self.firmware, self.plan, self.machine)
        (self.directory / "config.h").write_text(header)
        sections = (harness_folder() / "firmware.ld").read_text()
        sections = sections.replace("EDGE_STACK_BYTES", str(STACK_BYTES))
        memory = memory_command(self.machine.flash, self.machine.ram, self.machine.vectors)
        (self.directory / "firmware.ld").write_text(memory + sections)

    def units(self) -> Iterator[Unit]:
        include = tuple(f"-I{path.resolve()}" for path in self.firmware.include)
        for index, source in enumerate(self.firmware.sources):
            flags = (self.optimize, *self.toolchain.model_flags, *include)
            yield Unit(source.resolve(), f"{index:03d}_{source.stem}.model.o", flags)
        harness = harness_folder()
        start = "start_riscv.c" if self.core.isa.startswith("rv") else "start_arm.c"
        ours = (f"-I{harness}", f"-I{self.directory}")
        for name in ("harness.c", start):
            flags = (*self.toolchain.harness_flags, *ours)
            yield Unit(harness / name, f"{Path(name).stem}.harness.o", flags)
        for name in self.toolchain.helpers:
            # -fno-builtin: memcpy must not be compiled into a call of memcpy.
            flags = (*self.toolchain.harness_flags, *ours)
            yield Unit(harness / "helpers" / name, f"{Path(name).stem}.helper.o", flags)


def harness_folder() -> Path:
    """Start-up code, harness and linker script that come with edgetool."""
    return built_in_root() / "targets" / "harness"


def _configuration(firmware: Firmware, plan: MemoryPlan, machine: Machine) -> str:
    buffers = ", ".join(f"{{{b.offset}u, {b.size}u}}" for b in plan.buffers)
    macros = {
        "EDGE_RUN": f"{firmware.name}_run",
        "EDGE_SINGLE_IO": int(firmware.single_io),
        "EDGE_INPUT_COUNT": f"{len(plan.inputs)}u",
        "EDGE_OUTPUT_COUNT": f"{len(plan.outputs)}u",
        "EDGE_BUFFER_COUNT": f"{len(plan.buffers)}u",
        "EDGE_BUFFERS": f"{{{buffers}}}",
        "EDGE_REGION_BYTES": f"{plan.size}u",
        "EDGE_FPGAIO": f"{machine.fpgaio or 0:#x}u",
    }
    return "".join(f"#define {name} {value}\n" for name, value in macros.items())


def _image(job: _Job, path: Path) -> Image:
    elf = read_elf(path)
    return Image(
        elf=path,
        name=job.firmware.name,
        single_io=job.firmware.single_io,
        plan=job.plan,
        machine=job.machine,
        sections=_sizes(elf),
        symbols=elf.symbols,
        compiler=job.toolchain.version,
        flags=(*_without_paths(job.toolchain.compile), job.optimize, *job.toolchain.model_flags),
    )


def _sizes(elf: Elf) -> dict[str, int]:
    def size(*names: str) -> int:
        return sum(elf.sections[name].size for name in names if name in elf.sections)

    return {
        "code": size(".model_text"),
        "constants": size(".model_constants"),
        "helpers": size(".helper_text", ".helper_constants"),
        "static_data": size(".model_data", ".model_bss"),
        "static_data_initial": size(".model_data"),
    }


def _without_paths(command: tuple[str, ...]) -> tuple[str, ...]:
    """Flags that change the code; the compiler's own place does not belong into a report."""
    first = next(n for n, word in enumerate(command) if word.startswith("-") and word != "-m")
    return command[first:]
