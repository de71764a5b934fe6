"""Run an image on inputs in the emulator that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.compilers import Image
from edgetool.errors import DataError
from edgetool.packs.schema import CodeMemory, Core
from edgetool.runtimes.bare_metal.result import EmulatedRun, Emulator, Inference

TIMEOUT_S = 300.0


def run(
    image: Image,
    core: Core,
    inputs: Sequence[Sequence[bytes]],
    emulator: Emulator = "unicorn",
    *,
    count_instructions: bool = True,
    timeout_s: float = TIMEOUT_S,
    code_memory: CodeMemory | None = None,
) -> EmulatedRun:
    """Call `<name>_run` once for each element of inputs.

    inputs: for each inference the bytes of every input, in order, of the image's sizes.
    count_instructions: exact counts, and the blocks that estimate_cycles needs.
    timeout_s: wall clock for the whole run.
    code_memory: of a board, whose caches are simulated (EmulatedRun.flash); in unicorn only.
    Raises: DataError for inputs of the wrong size; MissingToolError; DeviceError with the place of
    a fault, the buffer that was overrun, or that there was no end.
    """
    given = tuple(tuple(bytes(part) for part in inference) for inference in inputs)
    _check(image, given)
    if emulator == "qemu":
        from edgetool.runtimes.bare_metal.qemu import run_in_qemu

        return run_in_qemu(image, core, given, count_instructions, timeout_s)
    from edgetool.runtimes.bare_metal.unicorn_runner import run_in_unicorn

    return run_in_unicorn(image, core, given, count_instructions, timeout_s, code_memory)


def _check(image: Image, inputs: tuple[Inference, ...]) -> None:
    expected = tuple(buffer.size for buffer in image.plan.inputs)
    if not inputs:
        raise DataError(f"no inputs for '{image.name}'", hints=["give at least one"])
    for index, inference in enumerate(inputs):
        sizes = tuple(len(part) for part in inference)
        if sizes != expected:
            raise DataError(
                f"inputs of inference {index} have {sizes} bytes, "
                f"'{image.name}' takes {expected} bytes"
            )
