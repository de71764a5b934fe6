"""The generated C as a program on a Linux device, as a runner."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from edgetool.artifact import Artifact
from edgetool.compilers.native import build_native
from edgetool.errors import UnsupportedOperatorError
from edgetool.exporters.c import CSources, export_c, native_model
from edgetool.packs.finding import built_in_root
from edgetool.program.cut import cut_apart
from edgetool.program.program import Program
from edgetool.runtimes.board import NATIVE, Board, BoardModel, BoardSession, Provided
from edgetool.runtimes.board import native_model as to_device
from edgetool.runtimes.session import Progress, step
from edgetool.verification.runners import Array, Runner, Subject, tensor_of


class DeviceNativeRunner(Runner):
    """The model's C with the portable kernels, linked here, run there: bit-exact where integer.

    It has one arithmetic, so that what is proved is what is timed.
    """

    name = NATIVE
    lsb = 0

    def __init__(self, subject: Subject, board: Board, provided: Provided) -> None:
        super().__init__(subject)
        self.board = board
        self.provided = provided

    def outputs(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Runner."""
        found = self._run(self.program, inputs, progress)
        names = zip(self.program.outputs, self.program.output_names, strict=True)
        return {name: found[source] for name, source in names}

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See Runner."""
        found = self._run(cut_apart(self.program), values)
        return {tensor_of(name): array for name, array in found.items()}

    def _run(
        self, program: Program, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        with step(progress, f"build C for {self.provided.machine}"):
            built = native_program(program, self.provided)
        session = BoardSession(self.board, NATIVE, built, None, exact=True)
        return session.run({name: inputs[name] for name in program.inputs}, progress)


def native_on_device(board: Board, artifact: Artifact, provided: Provided) -> BoardModel | None:
    """The artifact's program there with its first golden input; None when it has no Program."""
    program = artifact.program()
    if program is None:
        return None
    golden = artifact.golden()[0]
    first = {
        name: golden[port][:1]
        for name, port in zip(program.inputs, program.input_names, strict=True)
    }
    return to_device(board, native_program(program, provided), first)


def native_program(program: Program, provided: Provided) -> bytes:
    """An ELF file for the device that holds the model and speaks as targets/linux/native says.

    Raises: UnsupportedOperatorError for what has no kernel; MissingToolError without zig;
    DeviceError for a machine that no C is built for; CompilerError.
    """
    native = built_in_root() / "targets" / "linux" / "native"
    with tempfile.TemporaryDirectory(prefix="edgetool-") as folder:
        sources = _export(program, provided, Path(folder) / "c")
        glue = Path(folder) / "native_model.c"
        glue.write_text(native_model(sources.interface))
        return build_native(
            (*sources.sources, glue, native / "main.c"),
            (*sources.include, native),
            provided.machine,
            provided.bits,
        )


def _export(program: Program, provided: Provided, folder: Path) -> CSources:
    kernels = built_in_root() / "targets" / "portable" / "kernels"
    try:
        return export_c(program, folder, name=program.name, kernel_folders=[kernels])
    except UnsupportedOperatorError as error:
        raise UnsupportedOperatorError(
            f"the model has no form in C: {error.message}",
            details=(*error.details, *(f"{name}: {why}" for name, why in provided.lacking.items())),
            hints=("another --runtime", *error.hints),
        ) from error
