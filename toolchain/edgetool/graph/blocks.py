"""Constants quantized in blocks along an axis: DequantizeLinear with block_size, opset 21."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph.values import attribute, constant_array

Array = npt.NDArray[Any]


def block_size(dequantize: ir.Node) -> int:
    """Elements that share a scale; 0 where there are no blocks."""
    return int(attribute(dequantize, "block_size", 0))


def dequantize_blocks(dequantize: ir.Node) -> Array | None:
    """The real constant in float32; None where data or parameters are computed."""
    stored, scale = constant_array(dequantize.inputs[0]), constant_array(dequantize.inputs[1])
    if stored is None or scale is None:
        return None
    zero = constant_array(dequantize.inputs[2]) if len(dequantize.inputs) > 2 else None
    axis = int(attribute(dequantize, "axis", 1)) % stored.ndim
    length, size = stored.shape[axis], block_size(dequantize)
    integers = stored.astype(np.float32)
    if zero is not None:
        integers -= _spread(zero.astype(np.float32), size, axis, length)
    return integers * _spread(scale.astype(np.float32), size, axis, length)


def _spread(numbers: Array, size: int, axis: int, length: int) -> Array:
    """One number a block as one an element: the last block may be short."""
    return np.take(np.repeat(numbers, size, axis=axis), np.arange(length), axis=axis)
