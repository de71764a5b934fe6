"""SHAPE and PACK: what Keras puts before a Reshape, known here because shapes are fixed."""

from __future__ import annotations

import numpy as np

from edgetool.importers.tflite.operation import Operation


def shape(operation: Operation) -> None:
    """The input's shape as a constant."""
    sizes = operation.input(0).shape
    operation.check_shape((len(sizes),))
    dtype = operation.output().dtype
    if dtype not in ("int32", "int64"):
        raise operation.error(f"its output is {dtype}")
    operation.emitter.fold(operation.output().index, np.array(sizes, dtype))


def pack(operation: Operation) -> None:
    """Constants of one shape stacked along a new axis."""
    parts = [tensor.data for tensor in operation.inputs() if tensor.data is not None]
    if not parts or len(parts) != len(operation.operator.inputs):
        raise operation.error("it is read for constants only")
    if len({(part.shape, part.dtype) for part in parts}) > 1:
        raise operation.error("its inputs differ in shape or type")
    axis = operation.axis(operation.option("Axis"), parts[0].ndim + 1)
    operation.builder.budget.spend(sum(part.nbytes for part in parts), 1, operation.name)
    stacked = np.stack(parts, axis)
    operation.check_shape(stacked.shape)
    operation.emitter.fold(operation.output().index, stacked)
