"""The runtimes that can run an artifact here, each behind the same two questions.

A runner answers `outputs` (the whole model) and `operators` (every operation alone, on the
reference's own values: see edgetool.program.cut). Values are in the artifact's types and layout.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.artifact import ONNX, TFLITE, Artifact
from edgetool.errors import UnsupportedOperatorError
from edgetool.exporters.tflite import export_tflite
from edgetool.program.boundary import dequantize, quantize
from edgetool.program.cut import RESULT, cut_apart
from edgetool.program.executor import execute
from edgetool.program.layouts import inverse, permute
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Tensor
from edgetool.runtimes.litert import LiteRtSession
from edgetool.runtimes.onnxruntime import OnnxRuntimeSession
from edgetool.runtimes.session import Progress, Session, labelled
from edgetool.verification.onnx_cut import cut_onnx

Array = npt.NDArray[Any]

TABULATED_LSB = 32  # 0.1 % of 1.0; 21 is the most that was seen


@dataclass(frozen=True)
class Subject:
    """What is verified: the artifact and its Program."""

    artifact: Artifact
    program: Program

    def reference(self, inputs: Mapping[str, Array], keep: bool = False) -> dict[str, Array]:
        """The NumPy executor's values by tensor name for inputs by tensor name."""
        return execute(self.program, inputs, keep=keep)


class Runner(ABC):
    """One runtime.

    name: as reports spell it.   lsb, relative: how far an operation may be from the reference,
    for integer and float results.   samples_limit: None, or how many samples are affordable.
    decisions_floor: the share of samples that it must decide as the reference does.
    operator_samples: how many samples operators() is asked for.
    """

    name: str
    lsb: int = 1
    relative: float = 1e-4
    decisions_floor: float = 0.995
    samples_limit: int | None = None
    operator_samples: int = 4

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.program = subject.program

    def lsb_of(self, operation: Operation) -> int:
        """How far this operation's integers may be from the reference."""
        return self.lsb

    def judge_outputs(
        self, expected: Mapping[str, Array], found: Mapping[str, Array]
    ) -> str | None:
        """What is wrong with whole outputs, for a runner whose layers cannot be told apart."""
        return None

    @abstractmethod
    def outputs(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """Output tensors by name for input tensors by name, (samples, *shape)."""

    @abstractmethod
    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Every operation's results by tensor name when each reads the reference's values.

        A runtime that cannot tell an operation's result apart leaves it out.
        """


class ReferenceRunner(Runner):
    """The NumPy executor against the golden outputs in the artifact, or against itself."""

    name = "reference"
    lsb = 0
    relative = 1e-6

    def outputs(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Runner."""
        values = execute(self.program, inputs, progress=labelled(progress, self.name))
        return {name: values[name] for name in self.program.outputs}

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See Runner."""
        cut = cut_apart(self.program)
        results = execute(cut, {name: values[name] for name in cut.inputs})
        return {tensor_of(name): results[name] for name in cut.outputs}


class LiteRtRunner(Runner):
    """model.tflite in LiteRT with its reference kernels."""

    name = "litert"

    def session(self, model: bytes) -> Session:
        """A model loaded by the runtime that is judged."""
        return LiteRtSession(model, reference=True)

    def outputs(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Runner."""
        session = self.session((self.subject.artifact.folder / TFLITE).read_bytes())
        feed = {s: inputs[n] for n, s in _names(self.program.inputs, self.program.input_names)}
        found = session.run(feed, progress)
        named = _names(self.program.outputs, self.program.output_names)
        return {name: found[source] for name, source in named}

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See Runner."""
        cut = cut_apart(self.program)
        half = self.subject.artifact.manifest.precision == "float16"
        session = self.session(export_tflite(cut, float16_weights=half))
        results = session.run({name: values[name] for name in cut.inputs})
        return {tensor_of(name): results[name] for name in cut.outputs}


class OnnxRuntimeRunner(Runner):
    """model.onnx in ONNX Runtime, unoptimised: QDQ arithmetic in float, right on every CPU.

    Rounding once where the reference rounds twice, it is a step off here and there, which adds
    up over the layers and tips close decisions: 0.7 % of them in a keyword spotter whose every
    operator is within 1 LSB.
    """

    name = "onnxruntime"
    decisions_floor = 0.99

    def session(self, model: bytes) -> Session:
        """A model loaded by the runtime that is judged."""
        return OnnxRuntimeSession(model, optimised=False)

    def lsb_of(self, operation: Operation) -> int:
        """One step, but for LiteRT's int16 softmax, which reads exp and 1 / x from tables."""
        tensor = self._tensor(operation.outputs[0])
        is_tabulated = operation.operator.kind == "softmax" and tensor.dtype == "int16"
        return TABULATED_LSB if is_tabulated else self.lsb

    @cached_property
    def _model(self) -> bytes:
        return (self.subject.artifact.folder / ONNX).read_bytes()

    def outputs(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Runner."""
        session = self.session(self._model)
        ports = {port.name: port for port in self.subject.artifact.manifest.inputs}
        feed = {}
        for name, source in _names(self.program.inputs, self.program.input_names):
            port = ports[source]
            feed[source] = _as_onnx(
                inputs[name], self._tensor(name), port.source_dtype, port.source_shape
            )
        found = session.run(feed, progress)
        named = _names(self.program.outputs, self.program.output_names)
        return {name: _from_onnx(found[s], self._tensor(name)) for name, s in named}

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See Runner."""
        cut = cut_onnx(self._model, self.program)
        session = self.session(cut.model)
        feed = {
            value: _as_onnx(values[name], self._tensor(name), cut.types[value], cut.shapes[value])
            for value, name in cut.inputs.items()
        }
        results = session.run(feed) if feed else {}
        return {
            name: _from_onnx(results[value], self._tensor(name))
            for value, name in cut.outputs.items()
        }

    def _tensor(self, name: str) -> Tensor:
        return self.program.tensors[name]


def _as_onnx(values: Array, tensor: Tensor, dtype: str, shape: tuple[int, ...]) -> Array:
    """A tensor's values (samples, *its shape) in ONNX's layout, shape and element type, exactly."""
    if dtype == "float32" and tensor.quantization is not None:
        values = dequantize(values, tensor)
    elif np.issubdtype(np.dtype(dtype), np.integer) and values.dtype == np.float32:
        raise UnsupportedOperatorError(f"'{tensor.name}' is float, its ONNX value is {dtype}")
    layout = _layout(tensor)
    laid_out = values.reshape(len(values), *permute(shape, layout))
    return laid_out.transpose(0, *(axis + 1 for axis in inverse(layout))).astype(dtype)


def _from_onnx(values: Array, tensor: Tensor) -> Array:
    """ONNX values (samples, *ONNX shape) as the tensor's, integers where it is quantized."""
    laid_out = values.transpose(0, *(axis + 1 for axis in _layout(tensor)))
    laid_out = laid_out.reshape(len(values), *tensor.shape)
    if tensor.quantization is not None and np.issubdtype(values.dtype, np.floating):
        return quantize(laid_out, tensor)
    return laid_out.astype(tensor.dtype)


def _layout(tensor: Tensor) -> tuple[int, ...]:
    return tensor.layout or tuple(range(len(tensor.shape)))


def _names(tensors: tuple[str, ...], sources: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(zip(tensors, sources, strict=True))


def tensor_of(result: str) -> str:
    """The tensor whose result in a cut program has this name."""
    return result.removesuffix(RESULT.format(""))
