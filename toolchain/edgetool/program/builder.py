"""Builder: collects the tensors and operations of a Program under unique names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.program.layouts import Layout
from edgetool.program.operator import Operator
from edgetool.program.program import Operation
from edgetool.program.tensor import Quantization, Tensor


class Builder:
    """tensors by name and operations in order; names are made unique by a numeric suffix."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.operations: list[Operation] = []
        self._operation_names: set[str] = set()

    def activation(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        quantization: Quantization | None = None,
        layout: Layout = (),
    ) -> Tensor:
        """Add a tensor that is computed or fed."""
        shape = tuple(int(dim) for dim in shape)
        return self._add(Tensor(name, shape, dtype, quantization, source=name, layout=layout))

    def constant(
        self, name: str, data: npt.NDArray[Any], quantization: Quantization | None = None
    ) -> Tensor:
        """Add a tensor whose contents are known."""
        data = np.ascontiguousarray(data)
        tensor = Tensor(name, data.shape, str(data.dtype), quantization, data, source=name)
        return self._add(tensor)

    def operation(
        self,
        name: str,
        operator: Operator,
        inputs: Sequence[Tensor | None],
        outputs: Sequence[Tensor],
    ) -> None:
        """Append a step."""
        unique = unique_name(name, self._operation_names)
        self._operation_names.add(unique)
        names = tuple(tensor.name if tensor is not None else "" for tensor in inputs)
        self.operations.append(
            Operation(unique, operator, names, tuple(tensor.name for tensor in outputs))
        )

    def _add(self, tensor: Tensor) -> Tensor:
        tensor = tensor.with_name(unique_name(tensor.name, self.tensors))
        self.tensors[tensor.name] = tensor
        return tensor


def unique_name(name: str, taken: Any) -> str:
    """name, or name_1, name_2, … if it is taken."""
    unique, count = name, 0
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    return unique
