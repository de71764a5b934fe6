"""Programs of a single operation: what they compute, by the executor's parts and by LiteRT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.exporters.tflite import export_tflite
from edgetool.program.operator import Operator, Step
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Quantization, Tensor

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class OneOperation:
    """An operator bound to tensors, and the seed of the samples it is tried with."""

    operator: Operator
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    seed: int = 0

    def __repr__(self) -> str:
        shown = ", ".join(map(describe, (*self.inputs, *self.outputs)))
        return f"{self.operator}({shown}; seed {self.seed})"

    def program(self) -> Program:
        """The Program with this operation only."""
        tensors = {tensor.name: tensor for tensor in (*self.inputs, *self.outputs)}
        names = tuple(tensor.name for tensor in self.inputs)
        fed = tuple(tensor.name for tensor in self.inputs if not tensor.is_constant)
        made = tuple(tensor.name for tensor in self.outputs)
        operation = Operation("only", self.operator, names, made)
        return Program("one", tensors, (operation,), fed, made, fed, made)

    def samples(self, count: int) -> list[Array]:
        """Contents of each fed input: every code of int8, floats of a few units."""
        random = np.random.default_rng(self.seed)
        fed = [tensor for tensor in self.inputs if not tensor.is_constant]
        return [random_contents(random, tensor, (count, *tensor.shape)) for tensor in fed]

    def execute(self, samples: Sequence[Array]) -> tuple[Array, ...]:
        """What the operator says the outputs are."""
        fed = iter(samples)
        values = tuple(t.data if t.is_constant else next(fed) for t in self.inputs)
        return tuple(self.operator.execute(Step(values, self.inputs, self.outputs)))

    def run_litert(self, samples: Sequence[Array]) -> tuple[Array, ...]:
        """What LiteRT's reference kernels compute of the exported model."""
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        interpreter = Interpreter(
            model_content=export_tflite(self.program()),
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        )
        interpreter.allocate_tensors()
        fed, made = interpreter.get_input_details(), interpreter.get_output_details()
        results: list[list[Array]] = [[] for _ in made]
        for sample in zip(*samples, strict=True):
            for detail, contents in zip(fed, sample, strict=True):
                interpreter.set_tensor(detail["index"], contents)
            interpreter.invoke()
            for result, detail in zip(results, made, strict=True):
                result.append(interpreter.get_tensor(detail["index"]))
        return tuple(np.stack(result) for result in results)


def random_contents(random: np.random.Generator, tensor: Tensor, shape: tuple[int, ...]) -> Array:
    """Random elements of the tensor's type."""
    if tensor.dtype == "float32":
        return (random.standard_normal(shape) * 3).astype(np.float32)
    info = np.iinfo(tensor.dtype)
    return random.integers(info.min, info.max + 1, shape).astype(tensor.dtype)


def activation(
    name: str,
    shape: Sequence[int],
    scale: float | None = None,
    zero_point: int = 0,
    dtype: str = "int8",
) -> Tensor:
    """An activation: integers of dtype with this scale, float32 without."""
    if scale is None:
        return Tensor(name, tuple(shape), "float32")
    quantization = Quantization.per_tensor(scale, zero_point)
    return Tensor(name, tuple(shape), dtype, quantization)


def constant(tensor: Tensor, seed: int) -> Tensor:
    """The same tensor with random contents."""
    data = random_contents(np.random.default_rng(seed), tensor, tensor.shape)
    return Tensor(tensor.name, tensor.shape, tensor.dtype, tensor.quantization, data)


def describe(tensor: Tensor) -> str:
    """Name, type, shape and parameters in one line."""
    text = f"{tensor.name}: {tensor.dtype}{list(tensor.shape)}"
    if tensor.quantization is not None:
        text += f" scale {tensor.scale!r} zero point {tensor.zero_point}"
    return text + (" constant" if tensor.is_constant else "")
