"""A board that runs edgetool's firmware, as a runner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetool.errors import DeviceError
from edgetool.program.program import Program
from edgetool.program.storage import storage_of
from edgetool.program.tensor import Tensor
from edgetool.runtimes.serial_board import Board, Room, SerialBoard, connect
from edgetool.runtimes.session import Progress
from edgetool.verification.emulator import DEFAULT_SAMPLES, samples_as_bytes
from edgetool.verification.runners import Array, Runner, Subject


@dataclass(frozen=True)
class LayerResult:
    """Where a layer's result lies right after the layer has run.

    layer: its number in the generated C, from 1.   offset: in bytes, of the arena.
    """

    layer: int
    tensor: Tensor
    room: Room
    index: int
    offset: int


class BoardRunner(Runner):
    """The artifact on the board itself; bit-exact or wrong.

    Layers are read in the middle of one inference: up to the first one that differs, each has had
    the reference's values as inputs. What comes behind that one is left out.
    """

    name = "board"
    lsb = 0
    relative = 1e-4
    operator_samples = 1

    def __init__(
        self, subject: Subject, device: SerialBoard, samples_limit: int = DEFAULT_SAMPLES
    ) -> None:
        super().__init__(subject)
        self.device = device
        self.samples_limit = samples_limit

    def outputs(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Runner."""
        samples = samples_as_bytes(self.program, inputs)
        sizes = tuple(self.program.tensors[name].nbytes for name in self.program.outputs)
        rows: list[tuple[bytes, ...]] = []
        with connect(self.device, self.subject.artifact.sha256) as board:
            if board.identity.output_bytes != sizes:
                raise DeviceError(
                    f"the board's outputs have {board.identity.output_bytes} bytes, "
                    f"the model's {sizes}"
                )
            for sample in samples:
                board.load(sample)
                board.run()
                rows.append(board.outputs())
                if progress is not None:
                    progress(len(rows), len(samples), "run on the board")
        return {
            name: np.stack([_array(row[index], self.program.tensors[name]) for row in rows])
            for index, name in enumerate(self.program.outputs)
        }

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See Runner."""
        results = layer_results(self.program, self.subject.artifact.manifest.memory or {})
        inputs = {name: values[name][:1] for name in self.program.inputs}
        found: dict[str, Array] = {}
        with connect(self.device, self.subject.artifact.sha256) as board:
            board.load(samples_as_bytes(self.program, inputs)[0])
            for result, array in results_on(board, results):
                name = result.tensor.name
                found[name] = array[np.newaxis]
                if _is_wrong(result.tensor, found[name], values[name][:1]):
                    break
        return found


def _is_wrong(tensor: Tensor, found: Array, expected: Array) -> bool:
    """Whether integers differ; floats may, as every compiler orders their sums."""
    return tensor.dtype != "float32" and not np.array_equal(found, expected)


def results_on(board: Board, results: list[LayerResult]) -> Iterator[tuple[LayerResult, Array]]:
    """Each result as one inference leaves it, in the order of the layers."""
    if not results:
        return
    stopped = board.step(results[0].layer)
    for result in results:
        while stopped is not None and stopped < result.layer:
            stopped = board.go_on(result.layer)
        if stopped == result.layer:
            size = result.tensor.nbytes
            content = board.read(result.room, result.index, result.offset, size)
            yield result, _array(content, result.tensor)
    while stopped is not None:
        stopped = board.go_on()


def layer_results(program: Program, memory: Mapping[str, Any]) -> list[LayerResult]:
    """Every layer's results that memory holds, by rising number.

    memory: the manifest's, with the arena's plan as the artifact's C has it.
    """
    storage = storage_of(program)
    offsets = {entry["name"]: int(entry["offset"]) for entry in memory.get("tensors", ())}
    found = []
    for number, operation in enumerate(program.operations, start=1):
        for name in () if operation.operator.is_view else operation.outputs:
            place, tensor = storage.place(name), program.tensors[name]
            if place.room == "output":
                found.append(LayerResult(number, tensor, Room.OUTPUT, place.index, 0))
            elif place.room == "arena" and name in offsets:
                found.append(LayerResult(number, tensor, Room.ARENA, 0, offsets[name]))
    return found


def _array(content: bytes, tensor: Tensor) -> Array:
    return np.frombuffer(content, tensor.dtype).reshape(tensor.shape)
