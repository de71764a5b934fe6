"""Programs of one operation, the unit in which operators are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.program.operator import Array, Operator
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Quantization, Tensor


def single_operation(
    operator: Operator, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> Program:
    """The program that is this operation; its inputs are the activations among inputs."""
    tensors = {tensor.name: tensor for tensor in (*inputs, *outputs) if tensor is not None}
    fed = tuple(t.name for t in inputs if t is not None and t.data is None)
    written = tuple(tensor.name for tensor in outputs)
    names = tuple("" if tensor is None else tensor.name for tensor in inputs)
    step = Operation(operator.kind, operator, names, written)
    return Program(operator.kind, tensors, (step,), fed, written, fed, written)


def random_samples(program: Program, count: int, seed: int) -> dict[str, Array]:
    """Uniform integers over the whole range, or normal floats, for each input."""
    rng = np.random.default_rng(seed)
    return {name: _random(program.tensors[name], count, rng) for name in program.inputs}


def constant(name: str, data: Array, scale: Array | None = None, axis: int = 0) -> Tensor:
    """A constant; scale: float32 (1,) or (channels,) along axis, with zero points of 0."""
    quantization = None
    if scale is not None:
        zero_point = np.zeros(scale.shape, np.int32)
        quantization = Quantization(scale, zero_point, axis if scale.size > 1 else None)
    return Tensor(name, data.shape, str(data.dtype), quantization, data)


def activation(
    name: str,
    shape: Sequence[int],
    scale: float | None = None,
    zero_point: int = 0,
    dtype: str = "int8",
) -> Tensor:
    """An activation: integers of dtype with a scale, float32 without."""
    if scale is None:
        return Tensor(name, tuple(shape), "float32")
    return Tensor(name, tuple(shape), dtype, Quantization.per_tensor(scale, zero_point))


def _random(tensor: Tensor, count: int, rng: np.random.Generator) -> Array:
    shape = (count, *tensor.shape)
    if tensor.dtype == "float32":
        return rng.normal(size=shape).astype(np.float32)
    info = np.iinfo(tensor.dtype)
    return rng.integers(info.min, info.max + 1, shape).astype(tensor.dtype)
