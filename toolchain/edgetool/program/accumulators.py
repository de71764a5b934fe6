"""What the multiply-accumulate operators share: exact sums, folded biases, requantization."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import QuantizationError, UnsupportedOperatorError
from edgetool.graph.nibbles import pack_nibbles
from edgetool.program.arithmetic import (
    INT32_MAX,
    Int32Array,
    Int64Array,
    clamp,
    multiply_double_rounding,
    multiply_real,
    multiply_wide,
    quantize_multipliers,
    reduce_multipliers,
    split_factors,
)
from edgetool.program.operator import Argument, Clamp, KernelCall
from edgetool.program.tensor import Tensor

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]


# input, weights, output
TYPES = (
    ("int8",) * 3,
    ("int8", "int4", "int8"),
    ("int8", "ternary", "int8"),
    ("int8", "binary", "int8"),
    ("int16", "int8", "int16"),
    ("float32",) * 3,
)
WIDE_MAX = (1 << 47) - 1  # of the sums of int16 activations


def exact_products(x: Array, weights: Array) -> Int64Array:
    """x (rows, K) int8 or int16 times weights (O, K) int8: exact sums (rows, O).

    BLAS computes them in float32 where no partial sum can reach 2**24, else in float64.
    """
    largest = -int(np.iinfo(x.dtype).min) * int(
        np.abs(weights.astype(np.int64)).sum(axis=1).max(initial=0)
    )
    dtype = np.dtype(np.float32 if largest < 1 << 24 else np.float64)
    products: Array = x.astype(dtype) @ weights.astype(dtype).T
    return products.astype(np.int64)


@dataclass(frozen=True)
class Rounding:
    """How int32 sums meet real factors.

    scale(sums (…, O), factors (O,) or (1,)): the rounded products, int64.
    split(factors): the (multipliers, shifts) by which the C kernels do the same.
    """

    scale: Callable[[Int64Array, FloatArray], Int64Array]
    split: Callable[[FloatArray], tuple[Array, Int32Array]]


def _scale_wide(sums: Int64Array, factors: FloatArray) -> Int64Array:
    return multiply_wide(sums, *quantize_multipliers(factors))


def _split_wide(factors: FloatArray) -> tuple[Array, Int32Array]:
    multipliers, shifts = reduce_multipliers(*quantize_multipliers(factors))
    return multipliers.astype(np.int16), shifts.astype(np.int32)


def _scale_fixed_point(sums: Int64Array, factors: FloatArray) -> Int64Array:
    return multiply_double_rounding(sums, *quantize_multipliers(factors))


# Convolutions: a 31-bit multiplier, rounded twice.  Fully connected layers: in double.
# Convolutions of int16 activations: 48-bit sums, a 15-bit multiplier, rounded once.
FIXED_POINT = Rounding(_scale_fixed_point, quantize_multipliers)
REAL = Rounding(multiply_real, split_factors)
WIDE = Rounding(_scale_wide, _split_wide)


@dataclass(frozen=True, eq=False)
class Requantization:
    """From int32 sums of (input integer) * weight to output integers, per output channel.

    bias: int64 (O,), what sums start from, zero point folded in where it can be.
    factors: float64, (O,) or (1,).   bounds: the clamp, inclusive.
    """

    bias: Int64Array
    factors: FloatArray
    rounding: Rounding
    zero_point: int
    bounds: tuple[int, int]
    dtype: str

    def apply(self, sums: Int64Array) -> Array:
        """The output integers of sums (…, O)."""
        scaled = self.rounding.scale(sums + self.bias, self.factors)
        return clamp(scaled + self.zero_point, self.bounds, self.dtype)

    def constants(self) -> dict[str, Array]:
        """The arrays that the C kernels read: bias, multipliers, shifts."""
        multipliers, shifts = self.rounding.split(self.factors)
        return {
            "bias": self.bias.astype(np.int32),
            "multipliers": multipliers,
            "shifts": shifts.astype(np.int8),
        }

    def parameters(self) -> dict[str, int]:
        """The fields that the C kernels' parameters end with."""
        return {
            "out_zero_point": self.zero_point,
            "out_min": self.bounds[0],
            "out_max": self.bounds[1],
            "per_channel": int(self.factors.size > 1),
        }


@dataclass(frozen=True, eq=False)
class Layer:
    """Operands of a quantized layer. axis: the weights' output channels."""

    x: Tensor
    weights: Tensor
    bias: Tensor | None
    output: Tensor
    axis: int = 0

    @classmethod
    def of(cls, inputs: Sequence[Tensor | None], output: Tensor, axis: int = 0) -> Layer:
        """The layer of an operation's inputs (x, weights, bias or absent) and its output."""
        x, weights, bias = (*inputs, None)[:3]
        if x is None or weights is None:
            raise ValueError(f"'{output.name}' lacks its input or its weights")
        return cls(x, weights, bias, output, axis)

    @property
    def weight_data(self) -> Array:
        """The constant weights; int4 ones as int8.

        Raises: UnsupportedOperatorError when they are computed at run time.
        """
        if self.weights.data is None:
            raise UnsupportedOperatorError(f"weights '{self.weights.name}' are not constant")
        return self.weights.data.astype(np.int8) if self.is_packed else self.weights.data

    @property
    def is_packed(self) -> bool:
        """Whether the weights are int4, which C keeps two to a byte."""
        return self.weights.dtype == "int4"

    @property
    def bias_data(self) -> Array | None:
        """The constant bias (O,), None when there is none."""
        return None if self.bias is None else self.bias.data

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return self.weights.shape[self.axis]

    def stored(self, rows: Array) -> Array:
        """rows (R, …) of the weights as C keeps them, int8: as they are, or where they are packed
        two to a byte, each row from a whole byte on."""
        return pack_nibbles(rows.reshape(len(rows), -1)).view(np.int8) if self.is_packed else rows

    def sums(self, weights: Array) -> Int64Array:
        """Sums (O,) of each output channel's weights."""
        others = tuple(axis for axis in range(weights.ndim) if axis != self.axis)
        return np.asarray(weights.astype(np.int64).sum(axis=others), np.int64)


def requantization(
    layer: Layer, limits: Clamp, rounding: Rounding = FIXED_POINT, fold: bool = True
) -> Requantization:
    """The Requantization of a layer.

    fold: the zero point goes into the bias, sum((x - z) * w) + b = sum(x * w) + (b - z * sum(w)),
    which needs every output to see every tap; else the bias is the layer's own.
    rounding: FIXED_POINT becomes WIDE for int16 activations.
    Raises: QuantizationError for weights with a zero point, or sums that can leave int32.
    """
    bias = -layer.x.zero_point * int(fold) * layer.sums(_symmetric_weights(layer))
    if layer.bias_data is not None:
        bias = bias + layer.bias_data.astype(np.int64)
    if layer.x.dtype == "int16" and rounding is FIXED_POINT:
        rounding = WIDE
    _require_accumulator(layer, bias, WIDE_MAX if rounding is WIDE else INT32_MAX)
    return Requantization(
        bias,
        output_factors(layer),
        rounding,
        layer.output.zero_point,
        limits.integer_bounds(layer.output),
        layer.output.dtype,
    )


def output_factors(layer: Layer) -> FloatArray:
    """Input scale * weight scale / output scale, (O,) or (1,), in double from float32 scales.

    Source: LiteRT PopulateConvolutionQuantizationParams.
    """
    scales = weight_scales(layer.weights).astype(np.float64)
    return np.float64(layer.x.scale) * scales / np.float64(layer.output.scale)


def weight_scales(weights: Tensor) -> npt.NDArray[np.float32]:
    """The weights' scales, (1,) or (O,)."""
    if weights.quantization is None:
        raise QuantizationError(f"weights '{weights.name}' are int8 without a scale")
    return weights.quantization.scale


def require_types(kind: str, layer: Layer) -> str:
    """The element type of input and output: "int8" (weights int8 or fewer bits), "int16"
    (weights int8) or "float32".

    Raises: UnsupportedOperatorError for any other combination.
    """
    types = (layer.x.dtype, layer.weights.dtype, layer.output.dtype)
    if types not in TYPES:
        raise UnsupportedOperatorError(
            f"{kind} '{layer.output.name}' has no form for input {layer.x.dtype}, weights"
            f" {layer.weights.dtype}, output {layer.output.dtype}",
            hints=("--precision int8, w4a8, int16x8 or float32",),
        )
    return layer.x.dtype


def finish_floats(sums: Array, layer: Layer, limits: Clamp) -> Array:
    """Float sums (…, O) plus bias, clamped, in float32."""
    if layer.bias_data is not None:
        sums = sums + layer.bias_data
    if not limits.is_none:
        sums = np.clip(sums, np.float32(limits.minimum), np.float32(limits.maximum))
    return sums.astype(np.float32)


def layer_call(
    function: str,
    layer: Layer,
    parameters: Mapping[str, int | float | tuple[int, ...]],
    epilogue: Requantization | Clamp,
) -> KernelCall:
    """The call of a kernel (parameters, in, weights, bias, …, out).

    Integer kernels also read the multipliers and shifts; a float kernel's absent bias is NULL.
    Weights of 4 bits go to the kernel's sibling (…_s4), which unpacks them into scratch.
    """
    if isinstance(epilogue, Requantization):
        constants, last = epilogue.constants(), dict[str, int | float](epilogue.parameters())
        names = ["bias", "multipliers", "shifts"]
    else:
        constants = {} if layer.bias_data is None else {"bias": layer.bias_data}
        last = {"out_min": epilogue.minimum, "out_max": epilogue.maximum}
        names = ["bias" if constants else ""]
    arguments = [Argument("parameters"), Argument("input"), Argument("constant", name="weights")]
    arguments += [Argument("constant", name=name) for name in names]
    call = KernelCall(
        function,
        (*arguments, Argument("output")),
        {**parameters, **last},
        {"weights": layer.weight_data, **constants},
    )
    return _with_packed_weights(call, layer) if layer.is_packed else call


def _with_packed_weights(call: KernelCall, layer: Layer) -> KernelCall:
    """The call of a kernel that unpacks one output channel after the other, all at once where
    channels interleave."""
    rows = layer.channels if layer.axis == 0 else 1
    packed = layer.stored(layer.weight_data.reshape(rows, -1))
    return replace(
        call,
        function=f"{call.function.removesuffix('_s8')}_s4",
        arguments=(*call.arguments, Argument("scratch")),
        constants={**call.constants, "weights": packed.ravel()},
        scratch_bytes=layer.weights.elements // rows,
        lead_bytes={},
    )


def _symmetric_weights(layer: Layer) -> Array:
    quantization = layer.weights.quantization
    if quantization is not None and np.any(quantization.zero_point):
        raise QuantizationError(
            f"weights '{layer.weights.name}' have a zero point other than 0",
            hints=("quantize weights symmetrically",),
        )
    return layer.weight_data


def _require_accumulator(layer: Layer, bias: Int64Array, limit: int) -> None:
    magnitudes = layer.sums(np.abs(layer.weight_data.astype(np.int64)))
    most = -int(np.iinfo(layer.x.dtype).min)
    largest = int((np.abs(bias) + most * magnitudes).max(initial=0))
    if largest > limit:
        raise QuantizationError(
            f"the accumulator of '{layer.output.name}' can overflow: it can reach {largest:,}",
            hints=(_how_to_avoid_overflow(layer, bias),),
        )


def _how_to_avoid_overflow(layer: Layer, bias: Int64Array) -> str:
    if layer.x.dtype == "int16" and int(np.abs(bias).max(initial=0)) <= INT32_MAX // 2:
        return "--precision int8: int16 inputs have no room in int32 for so many weights"
    return "recalibrate: a bias is far larger than what its layer's weights produce"
