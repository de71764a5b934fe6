"""A model as a job on a device names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgetool.artifact import ONNX, TFLITE, Artifact
from edgetool.program.layouts import inverse

if TYPE_CHECKING:
    from edgetool.runtimes.board.board import Board

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class BoardInput:
    """Samples of an input, one after the other in a raw file.   shape: of one sample."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: str


@dataclass(frozen=True)
class BoardModel:
    """A model file, its runtime and how it is to run.   Paths are below the device's root.

    name: of this way to run it, in the journal.   python: folder of packages, None: installed.
    affinity: CPUs it may run on, none named: all.   exact: see targets/linux/agent/runtimes.py.
    layers: time each, too.   optional: a runtime that fails leaves the others in peace.
    """

    name: str
    runtime: str
    path: str
    inputs: tuple[BoardInput, ...]
    python: str | None = None
    threads: int = 1
    affinity: tuple[int, ...] = ()
    exact: bool = False
    layers: bool = False
    optional: bool = False

    def to_json(self) -> dict[str, Any]:
        """As jobs have it."""
        return {
            "name": self.name,
            "runtime": self.runtime,
            "python": self.python,
            "model": self.path,
            "inputs": [vars(port) | {"shape": list(port.shape)} for port in self.inputs],
            "threads": self.threads,
            "affinity": list(self.affinity) or None,
            "exact": self.exact,
            "layers": self.layers,
            "optional": self.optional,
        }

    def with_threads(self, threads: int) -> BoardModel:
        """The same with another number of threads."""
        return replace(self, threads=threads)


def push_inputs(board: Board, feed: Mapping[str, Array]) -> tuple[BoardInput, ...]:
    """Put samples on the device.   feed: (samples, *shape) by the model's own input names."""
    inputs = []
    for name, array in feed.items():
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        path = board.push(little.tobytes())
        inputs.append(BoardInput(name, str(array.dtype), tuple(array.shape[1:]), path))
    return tuple(inputs)


def onnx_model(board: Board, artifact: Artifact, samples: int | None = None) -> BoardModel | None:
    """The artifact's model.onnx with its golden inputs there; None when it has none."""
    path = _model(board, artifact, ONNX)
    if path is None:
        return None
    golden = {name: array[:samples] for name, array in artifact.golden()[0].items()}
    inputs = push_inputs(board, as_source(artifact, golden))
    return BoardModel("onnxruntime", "onnxruntime", path, inputs)


def tflite_model(board: Board, artifact: Artifact, samples: int | None = None) -> BoardModel | None:
    """The artifact's model.tflite with its golden inputs there; None when it has none."""
    path = _model(board, artifact, TFLITE)
    if path is None:
        return None
    golden = {name: array[:samples] for name, array in artifact.golden()[0].items()}
    return BoardModel("litert", "litert", path, push_inputs(board, golden))


def native_model(board: Board, program: bytes, samples: Mapping[str, Array]) -> BoardModel:
    """A model that is a program of its own.   samples: of each input, in the program's order."""
    return BoardModel("c", "c", board.push(program), push_inputs(board, samples))


def as_source(artifact: Artifact, samples: Mapping[str, Array]) -> dict[str, Array]:
    """Artifact inputs in the source model's layout and type."""
    feed = {}
    for port in artifact.manifest.inputs:
        array = samples[port.name].transpose(0, *(axis + 1 for axis in inverse(port.layout)))
        if port.scale is not None and port.source_dtype == "float32":
            array = (array.astype(np.float32) - (port.zero_point or 0)) * np.float32(port.scale)
        feed[port.name] = array.astype(port.source_dtype)
    return feed


def _model(board: Board, artifact: Artifact, name: str) -> str | None:
    """The file's path below the root: where it is deployed, else pushed for this session."""
    file = artifact.path(name)
    if file is None:
        return None
    there = board.deployed(artifact.sha256, name, artifact.manifest.files[name])
    return there or board.push(file.read_bytes())
