"""Rounding of constants: weights to int8, biases to int32, constant operands to int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from edgetool.errors import QuantizationError
from edgetool.quantization.narrow_weights import search_scales
from edgetool.quantization.parameters import INT4_MAX, INT8_MAX, ActivationParameters

FloatArray = npt.NDArray[np.floating[Any]]

# Half of int32, so that the products still fit beside the bias in a 32-bit accumulator.
# Source: LiteRT's converter, which adjusts weight scales by the same limit.
BIAS_LIMIT = 2**30
# Products of scales below float32's smallest normal number would lose their meaning.
MIN_BIAS_SCALE = 2.0 * float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class QuantizedWeights:
    """values: int8 within ±127, or int4 within ±7.

    scale: float32, (channels,) along axis, or () per tensor.
    """

    values: npt.NDArray[Any]
    scale: npt.NDArray[np.float32]
    axis: int | None


def quantize_weights(
    name: str,
    weights: FloatArray,
    axis: int | None,
    least_scale: npt.NDArray[np.float64] | None = None,
    bits: int = 8,
) -> QuantizedWeights:
    """Round weights to int8 or int4, symmetric, one scale per channel of axis (None: one in all).

    weights: any shape, finite.   least_scale: (channels,) or (), scales are raised to it.
    bits: 8, where the largest weight sets the scale, or 4, where some may be clipped for the
    sake of the others (`search_scales`).
    Returns: values within [-127, 127] or [-7, 7], zero point 0, halves rounded to even. A channel
    of zeros takes the largest scale of the others, 1.0 if there is none: its bias needs a usable
    scale.
    Raises: QuantizationError naming tensor and channel if a weight is not finite.
    Source: LiteRT 8-bit quantization specification, CONV_2D and FULLY_CONNECTED filters.
    """
    require_finite_weights(name, weights, axis)
    scale = weight_scales(weights, axis)
    if bits == 4:
        scale = search_scales(weights, scale * np.float32(INT8_MAX / INT4_MAX), axis)
    if least_scale is not None:
        scale = np.maximum(scale, next_float32_up(least_scale))
    spread = scale if axis is None else along(scale, axis, weights.ndim)
    values = np.divide(weights, spread, dtype=np.float64)
    np.rint(values, out=values)  # in place: a copy in float64 is twice the weights' size
    limit, dtype = (INT8_MAX, np.int8) if bits == 8 else (INT4_MAX, ml_dtypes.int4)
    np.clip(values, -limit, limit, out=values)
    return QuantizedWeights(values.astype(dtype), scale, axis)


def weight_scales(weights: FloatArray, axis: int | None) -> npt.NDArray[np.float32]:
    """max |w| / 127 in float32, (channels,) along axis or () per tensor."""
    others = tuple(i for i in range(weights.ndim) if i != axis) if axis is not None else None
    largest = np.abs(weights).max(axis=others, initial=0.0)
    scale = np.asarray(largest.astype(np.float64) / INT8_MAX, np.float32)
    dead = scale < np.finfo(np.float32).tiny
    usable = scale[~dead]
    substitute = usable.max() if usable.size else np.float32(1.0)
    return np.asarray(np.where(dead, substitute, scale), np.float32)


def quantize_bias(bias: FloatArray, scale: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Round a bias (channels,) to int32 at scale (channels,) or (), halves to even, saturating."""
    info = np.iinfo(np.int32)
    integers = np.rint(bias.astype(np.float64) / scale.astype(np.float64))
    return np.asarray(np.clip(integers, info.min, info.max), np.int32)


def bias_scale(input_scale: float, weight_scale: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """s_in · s_w, multiplied in float32 as every runtime does."""
    return np.asarray(np.float32(input_scale) * weight_scale, np.float32)


def least_weight_scale(
    input_scale: float, bias: FloatArray | None, axis: int | None
) -> npt.NDArray[np.float64]:
    """The weight scale below which a bias at s_in · s_w leaves ±BIAS_LIMIT.

    bias: (channels,) or None.   Returns: (channels,), or () when axis is None or bias is.
    """
    floor = np.asarray(MIN_BIAS_SCALE / input_scale, np.float64)
    if bias is None:
        return floor
    needed = np.abs(bias.astype(np.float64)) / (input_scale * BIAS_LIMIT)
    return np.maximum(needed if axis is not None else needed.max(initial=0.0), floor)


def quantize_constant(
    name: str, values: FloatArray, parameters: ActivationParameters, bits: int = 8
) -> npt.NDArray[Any]:
    """Round a constant operand to int8 or int16 with an activation's parameters, saturating."""
    require_finite_weights(name, values, None)
    integers = np.rint(values.astype(np.float64) / parameters.scale) + parameters.zero_point
    info = np.iinfo(np.int16 if bits == 16 else np.int8)
    return np.asarray(np.clip(integers, info.min, info.max), info.dtype)


def require_finite_weights(
    name: str, weights: FloatArray, axis: int | None, what: str = "weights", layer: str = ""
) -> None:
    """Raise QuantizationError naming tensor, layer, channel and index of the first NaN or infinity.

    what: the tensor's kind, in the plural.
    """
    finite = np.isfinite(weights)
    if finite.all():
        return
    index = tuple(int(i) for i in np.argwhere(~finite)[0])
    channel = f", channel {index[axis]}" if axis is not None else ""
    of_layer = f" of layer {layer}" if layer else ""
    raise QuantizationError(
        f"{what} '{name}'{of_layer} hold {weights[index]} at {index}{channel}",
        details=(f"{int((~finite).sum())} of {weights.size} values are not finite",),
        hints=("export the model again from a checkpoint that was trained to finite weights",),
    )


def along(vector: npt.NDArray[Any], axis: int, rank: int) -> npt.NDArray[Any]:
    """(channels,) reshaped to broadcast along axis of an array of that rank."""
    shape = [1] * rank
    shape[axis] = -1
    return vector.reshape(shape)


def next_float32_up(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The float32 numbers at or just above values: rounding down would break the limit."""
    single = np.asarray(values, np.float32)
    return np.where(single < values, np.nextafter(single, np.float32(np.inf)), single)
