"""Which rows of its inputs an operation needs for some rows of its output.

Rows are indices along the height of images (1, height, width, channels).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from edgetool.program.operator import Operator
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Tensor

WINDOWED = ("conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d")
ELEMENTWISE = (
    *("add", "sub", "mul", "clip", "requantize", "quantize", "dequantize", "leaky_relu"),
    *("hard_swish", "sigmoid", "tanh"),
)

Rows = tuple[int, int]
"""The first row, and the one behind the last."""


@dataclass(frozen=True)
class RowStep:
    """An operation restricted to some rows of its output.

    inputs: by index, the rows that it needs of each activation.
    """

    operator: Operator
    inputs: dict[int, Rows]


def restrict(program: Program, operation: Operation, rows: Rows) -> RowStep | None:
    """The operation for these rows of its only output.

    It computes the same numbers: true borders keep their padding, cuts have none.
    None where rows cannot be told apart.
    """
    inputs = program.input_tensors(operation)
    output = program.output_tensors(operation)[0]
    if len(operation.outputs) > 1 or not _is_image(output):
        return None
    if operation.operator.kind in WINDOWED:
        return _restrict_window(operation.operator, inputs, rows)
    if operation.operator.kind in ELEMENTWISE:
        return _restrict_elements(operation.operator, inputs, output, rows)
    return None


def _restrict_window(
    operator: Any, inputs: tuple[Tensor | None, ...], rows: Rows
) -> RowStep | None:
    x = inputs[0]
    if x is None or not _is_image(x):
        return None
    height, covered = x.shape[1], _covered_rows(operator, inputs)
    top, left, _, right = operator.padding
    start = rows[0] * operator.stride[0] - top
    end = (rows[1] - 1) * operator.stride[0] - top + covered
    first, behind = min(max(start, 0), height), min(max(end, 0), height)
    if first >= behind:
        return None
    padding = (first - start, left, end - behind, right)
    return RowStep(replace(operator, padding=padding), {0: (first, behind)})


def _covered_rows(operator: Any, inputs: tuple[Tensor | None, ...]) -> int:
    """Rows of the input between the ends of a window."""
    if operator.kind.endswith("pool2d"):
        return int(operator.window[0])
    weights = inputs[1]
    if weights is None:
        raise ValueError("a convolution without weights")
    return (weights.shape[1] - 1) * int(operator.dilation[0]) + 1


def _restrict_elements(
    operator: Operator, inputs: tuple[Tensor | None, ...], output: Tensor, rows: Rows
) -> RowStep | None:
    needed: dict[int, Rows] = {}
    for index, x in enumerate(inputs):
        if x is None:
            continue
        if x.is_constant:
            if len(x.shape) >= 3 and x.shape[-3] != 1:
                return None  # other numbers for other rows
        elif x.shape != output.shape:
            return None
        else:
            needed[index] = rows
    return RowStep(operator, needed)


def _is_image(tensor: Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[0] == 1
