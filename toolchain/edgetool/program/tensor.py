"""Tensors of a Program: fixed shape, element type, quantization, and data if constant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

DTYPES = ("float32", "int4", "int8", "int16", "int32", "int64", "bool", "ternary", "binary")
"""int4: weights within -8..7; in NumPy an ml_dtypes.int4 array, one element a byte.
ternary, binary: weights of FEW_BITS; in NumPy int8 arrays."""


@dataclass(frozen=True)
class FewBits:
    """values: all that an element may be.   bits: that it takes in memory."""

    values: tuple[int, ...]
    bits: int


FEW_BITS = {"ternary": FewBits((-1, 0, 1), 2), "binary": FewBits((-1, 1), 1)}


@dataclass(frozen=True, eq=False)
class Quantization:
    """real = (integer - zero_point) * scale.

    scale: float32 (1,) per tensor or (channels,) along axis.   zero_point: int32, same shape.
    axis: index into the tensor's shape in the Program's layout; None per tensor.
    """

    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int32]
    axis: int | None = None

    @classmethod
    def per_tensor(cls, scale: float, zero_point: int) -> Quantization:
        """One scale and zero point for the whole tensor."""
        return cls(np.array([scale], np.float32), np.array([zero_point], np.int32))

    @property
    def is_per_tensor(self) -> bool:
        """Whether one scale holds for all elements."""
        return self.scale.size == 1

    def same_as(self, other: Quantization | None) -> bool:
        """Equality to the bit of scales, zero points and axis (axis is void per tensor)."""
        if other is None or self.scale.shape != other.scale.shape:
            return False
        same_axis = self.is_per_tensor or self.axis == other.axis
        return (
            same_axis
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero_point, other.zero_point)
        )


@dataclass(frozen=True, eq=False)
class Tensor:
    """One value of a Program.

    shape: in the Program's layout (channels last); activations keep their batch dimension of 1.
    dtype: one of DTYPES.   data: the contents of a constant, None for an activation.
    source: name of the ONNX value it holds.   layout: program axis i is ONNX axis layout[i];
    a shape with more axes than the layout (1-D convolutions have a height of 1) holds the same
    elements in the same order.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: npt.NDArray[Any] | None = None
    source: str = ""
    layout: tuple[int, ...] = field(default=())

    @property
    def is_constant(self) -> bool:
        """Whether the contents are known at compile time."""
        return self.data is not None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes that the contents occupy; elements below a byte share one."""
        if self.dtype == "int4":
            return (self.elements + 1) // 2
        if self.dtype in FEW_BITS:
            return -(-self.elements * FEW_BITS[self.dtype].bits // 8)
        return self.elements * np.dtype(self.dtype).itemsize

    @property
    def scale(self) -> np.float32:
        """The per-tensor scale. Only for tensors quantized per tensor."""
        return np.float32(self._per_tensor().scale[0])

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point. Only for tensors quantized per tensor."""
        return int(self._per_tensor().zero_point[0])

    def with_name(self, name: str) -> Tensor:
        """The same tensor under another name."""
        return replace(self, name=name)

    def _per_tensor(self) -> Quantization:
        if self.quantization is None or not self.quantization.is_per_tensor:
            raise ValueError(f"tensor '{self.name}' is not quantized per tensor")
        return self.quantization
