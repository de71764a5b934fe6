"""The generated C on an emulated core, as a runner."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgetool.compilation.firmware import build_sources, core_of, export_sources
from edgetool.compilers.firmware import Image
from edgetool.errors import UsageError
from edgetool.packs import Core, Target
from edgetool.program.cut import cut_apart
from edgetool.program.program import Program
from edgetool.runtimes.bare_metal import EmulatedRun, Emulator, run
from edgetool.runtimes.session import Progress, step
from edgetool.verification.runners import Array, Runner, Subject, tensor_of

DEFAULT_SAMPLES = 100


class EmulatorRunner(Runner):
    """The artifact's C sources, built and run in an emulator; bit-exact or wrong."""

    lsb = 0
    relative = 1e-4

    def __init__(
        self,
        subject: Subject,
        target: Target,
        compiler: str,
        emulator: str | None,
        samples_limit: int = DEFAULT_SAMPLES,
    ) -> None:
        super().__init__(subject)
        self.target = target
        self.compiler = compiler
        self.emulator = emulator
        self.samples_limit = samples_limit
        self.optimize = subject.artifact.manifest.optimize
        self.name = "riscv" if target.core and target.core.isa.startswith("rv") else "cortex_m"

    def outputs(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Runner."""
        with tempfile.TemporaryDirectory(prefix="edgetool-") as folder:
            sources = self.subject.artifact.folder / "c"
            image = self._build(self.program, sources, Path(folder), progress)
            with step(progress, f"emulate {len(next(iter(inputs.values())))} samples"):
                return self._run(self.program, image, inputs)

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See Runner."""
        cut = cut_apart(self.program)
        with tempfile.TemporaryDirectory(prefix="edgetool-") as folder:
            sources = Path(folder) / "c"
            export_sources(cut, self.target, sources, self.optimize)
            image = self._build(cut, sources, Path(folder))
            results = self._run(cut, image, {name: values[name] for name in cut.inputs})
        return {tensor_of(name): array for name, array in results.items()}

    def _build(
        self, program: Program, sources: Path, folder: Path, progress: Progress | None = None
    ) -> Image:
        with step(progress, f"build with {self.compiler}"):
            return build_sources(
                program, self.target, self.compiler, sources, folder, self.optimize
            )

    def _run(self, program: Program, image: Image, inputs: Mapping[str, Array]) -> dict[str, Array]:
        core = core_of(self.target)
        emulator = choose_emulator(core, self.emulator)
        samples = samples_as_bytes(program, inputs)
        result = run(image, core, samples, emulator, count_instructions=False)
        return arrays_from(program, result)


def choose_emulator(core: Core, wanted: str | None) -> Emulator:
    """The emulator asked for, or unicorn where it runs the core, else QEMU.

    Raises: UsageError for one that is not known or cannot run the core.
    """
    can = {"unicorn": core.unicorn_cpu is not None, "qemu": core.qemu_machine is not None}
    if wanted is not None and not can.get(wanted, False):
        able = ", ".join(name for name, ready in can.items() if ready)
        raise UsageError(
            f"emulator '{wanted}' does not run {core.name}", hints=(f"one of: {able}",)
        )
    if wanted == "qemu" or (wanted is None and not can["unicorn"]):
        return "qemu"
    return "unicorn"


def samples_as_bytes(program: Program, inputs: Mapping[str, Array]) -> list[list[bytes]]:
    """One list of buffers a sample, in the order of the program's inputs."""
    count = len(next(iter(inputs.values())))
    return [[inputs[name][i].tobytes() for name in program.inputs] for i in range(count)]


def arrays_from(program: Program, result: EmulatedRun) -> dict[str, Array]:
    """Output tensors by name from the buffers of an emulated run."""
    arrays = {}
    for index, name in enumerate(program.outputs):
        tensor = program.tensors[name]
        rows: Sequence[bytes] = [buffers[index] for buffers in result.outputs]
        stacked = [np.frombuffer(row, tensor.dtype).reshape(tensor.shape) for row in rows]
        arrays[name] = np.stack(stacked)
    return arrays
