"""The contents of a .tflite file as plain data, checked against the file's bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Scales:
    """Quantization parameters, verbatim: real = (integer - zero_point) * scale.

    scale: float32 (1,) or (channels,), finite and positive.   zero_point: int64, same shape.
    axis: the tensor's dimension that channels run along; void where there is one scale.
    """

    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    axis: int

    @property
    def per_tensor(self) -> bool:
        """Whether one scale holds for all elements."""
        return self.scale.size == 1

    def same_as(self, other: Scales | None) -> bool:
        """Equality to the bit."""
        return (
            other is not None
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero_point, other.zero_point)
            and (self.per_tensor or self.axis == other.axis)
        )


@dataclass(frozen=True, eq=False)
class LiteTensor:
    """One tensor of the main subgraph.

    shape: every dimension 0 or more.   dtype: NumPy's name ("int8").
    data: contents of a constant (a view of the file), None for what is computed or fed.
    dynamic_axes: dimensions that the file leaves open (shape_signature -1).
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: Scales | None = None
    data: npt.NDArray[Any] | None = None
    dynamic_axes: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """How messages name the tensor."""
        return f"tensor {self.index} ('{self.name[:80]}')"

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def is_quantized(self) -> bool:
        """Whether the integers stand for real numbers."""
        return self.scales is not None and self.dtype != "float32"


@dataclass(frozen=True)
class LiteOperator:
    """One operator: inputs and outputs are tensor indices, -1 for an absent optional input."""

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LiteModel:
    """The main subgraph; indices in operators, inputs and outputs are within `tensors`."""

    name: str
    tensors: tuple[LiteTensor, ...]
    operators: tuple[LiteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
