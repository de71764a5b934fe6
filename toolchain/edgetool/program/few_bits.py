"""Weights of one or two bits: -1 and 1 are binary, with 0 they are ternary.

Arrays hold them as int8; a tensor's dtype says which they are, and so what they take in memory.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import UnsupportedOperatorError
from edgetool.program.program import Program
from edgetool.program.tensor import FEW_BITS, Tensor

WEIGHTED = ("conv2d", "depthwise_conv2d", "fully_connected")


def with_few_bits(program: Program) -> Program:
    """The program, int8 weights that are all -1, 0 or 1 stored in two bits, all -1 or 1 in one.

    What it computes does not change: the scale of the weights says how much 1 is.
    """
    found = {
        operation.inputs[1]
        for operation in program.operations
        if operation.operator.kind in WEIGHTED
    }
    narrow = {name: _narrow(program.tensors[name]) for name in found if name is not None}
    return replace(program, tensors={**program.tensors, **narrow})


def refuse_few_bits(program: Program, where: str) -> None:
    """Raise UnsupportedOperatorError naming the layer where weights are ternary or binary.

    where: what has no form for them.
    """
    for operation in program.operations:
        for tensor in program.input_tensors(operation):
            if tensor is not None and tensor.dtype in FEW_BITS:
                raise UnsupportedOperatorError(
                    f"layer {operation.name}: {where} has no {tensor.dtype} weights yet",
                    hints=("the same weights as int8: --precision int8, or w4a8 in half of that",),
                )


def holds(dtype: str, data: npt.NDArray[Any]) -> bool:
    """Whether every number is one that the type has."""
    return data.dtype == np.int8 and bool(np.isin(data, FEW_BITS[dtype].values).all())


def _narrow(tensor: Tensor) -> Tensor:
    symmetric = tensor.quantization is not None and not tensor.quantization.zero_point.any()
    if tensor.data is None or tensor.dtype != "int8" or not symmetric:
        return tensor
    fitting = [name for name in ("binary", "ternary") if holds(name, tensor.data)]
    return replace(tensor, dtype=fitting[0]) if fitting else tensor
