"""From arrays as a file holds them to what a model's input takes, or an error that says why not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetool.data.dataset import Array, InputSpec
from edgetool.errors import DataError


@dataclass(frozen=True)
class Encoding:
    """What integers in a data file stand for: real = (integer - zero_point) · scale."""

    scale: float
    zero_point: int


@dataclass(frozen=True, eq=False)
class Given:
    """An array as the source holds it.

    label: how messages name it.   encoding: from <name>_scale and <name>_zero_point, else None.
    """

    label: str
    array: Array
    encoding: Encoding | None


def convert(given: Given, spec: InputSpec) -> tuple[Array, tuple[str, ...]]:
    """(samples in the input's own type, notes).

    Float data for an integer input are quantized with the input's parameters; integers with an
    encoding of their own go through real values; anything ambiguous is refused.
    Raises: DataError for shape, type, range, NaN or infinity.
    """
    check_shape(given, spec)
    check_finite(given)
    if spec.dtype.startswith(("float", "bfloat")):
        return _to_float(given, spec), ()
    if given.array.dtype.kind == "f":
        return _quantize(given.array.astype(np.float64), given, spec)
    if given.encoding is not None and not _same_encoding(given.encoding, spec):
        real = dequantize(given.array, given.encoding).astype(np.float64)
        array, notes = _quantize(real, given, spec)
        text = f"{given.label}: requantized from scale {given.encoding.scale:g}, zero point"
        text += f" {given.encoding.zero_point} to the input's {spec.scale:g}, {spec.zero_point}"
        return array, (text, *notes)
    if given.array.dtype == np.uint8 and spec.dtype == "int8":
        return _shifted(given.array), (f"{given.label}: uint8 shifted by -128 to int8",)
    return _to_integer(given, spec), ()


def _shifted(array: Array) -> Array:
    """uint8 as int8 of the same meaning: integer and zero point both lose 128."""
    return np.asarray(array.astype(np.int16) - 128, np.int8)


def dequantize(array: Array, encoding: Encoding) -> npt.NDArray[np.float32]:
    """(array - zero_point) · scale in float32."""
    centred = array.astype(np.float32) - np.float32(encoding.zero_point)
    return np.asarray(centred * np.float32(encoding.scale), np.float32)


def _to_float(given: Given, spec: InputSpec) -> Array:
    if given.array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            array = given.array.astype(spec.dtype)
        check_finite(Given(given.label, array, None))
        return array
    if given.encoding is None:
        raise DataError(
            f"{given.label} is {given.array.dtype}, input '{spec.name}' takes {spec.dtype}",
            details=("integers say nothing about real values without scale and zero point",),
            hints=(
                f"add {_stem(given)}_scale and {_stem(given)}_zero_point to the data:"
                " real = (x - zero_point) * scale",
                "or save the real values as float32, preprocessed as in training",
            ),
        )
    return dequantize(given.array, given.encoding).astype(spec.dtype)


def _quantize(
    real: npt.NDArray[np.float64], given: Given, spec: InputSpec
) -> tuple[Array, tuple[str, ...]]:
    """Round to the input's integers, halves away from zero as LiteRT does, saturating."""
    if spec.scale is None or spec.zero_point is None:
        raise DataError(
            f"{given.label} is {given.array.dtype}, input '{spec.name}' takes {spec.dtype}",
            hints=(f"save it with .astype(numpy.{spec.dtype})",),
        )
    ratio = real / spec.scale
    codes = np.copysign(np.floor(np.abs(ratio) + 0.5), ratio) + spec.zero_point
    info = np.iinfo(spec.dtype)
    outside = int(((codes < info.min) | (codes > info.max)).sum())
    array = np.clip(codes, info.min, info.max).astype(spec.dtype)
    if not outside:
        return array, ()
    share = 100.0 * outside / codes.size
    text = f"{given.label}: {outside:,} values ({share:.2g} %) lie outside the input's range"
    return array, (f"{text} and are saturated",)


def _to_integer(given: Given, spec: InputSpec) -> Array:
    """Integers verbatim, where the type holds them all."""
    if spec.dtype == "bool":
        return given.array.astype(np.bool_)
    info = np.iinfo(spec.dtype)
    low, high = int(given.array.min()), int(given.array.max())
    if low < info.min or high > info.max:
        raise DataError(
            f"{given.label} holds {low}..{high}, input '{spec.name}' takes {spec.dtype}:"
            f" {info.min}..{info.max}",
            hints=(
                f"add {_stem(given)}_scale and {_stem(given)}_zero_point, so that it can be"
                " requantized",
            ),
        )
    return given.array.astype(spec.dtype)


def _same_encoding(encoding: Encoding, spec: InputSpec) -> bool:
    if spec.scale is None:
        return True
    same_scale = np.float32(encoding.scale) == np.float32(spec.scale)
    return bool(same_scale) and encoding.zero_point == spec.zero_point


def _stem(given: Given) -> str:
    return given.label.split("'")[1] if "'" in given.label else "x"


# --- checks ------------------------------------------------------------------------------------


def check_shape(given: Given, spec: InputSpec) -> None:
    """DataError when a sample does not have the input's shape; says what it may be instead."""
    found, wanted = given.array.shape, spec.sample_shape
    if given.array.ndim == 0 or found[1:] != wanted:
        raise DataError(
            f"{given.label} is {_text(found)}, input '{spec.name}' takes {_text(('N', *wanted))}",
            hints=shape_hints(given.array, wanted),
        )
    if found[0] == 0:
        raise DataError(f"{given.label} holds no samples", hints=("give 100 to 500 samples",))


def shape_hints(array: Array, wanted: tuple[int, ...]) -> tuple[str, ...]:
    """What a user may have meant by data of another shape."""
    found = array.shape[1:]
    if len(found) == 3 and (found[1], found[2], found[0]) == wanted:
        return ("the data are NCHW, the model is NHWC: x.transpose(0, 2, 3, 1)",)
    if len(found) == 3 and (found[2], found[0], found[1]) == wanted:
        return ("the data are NHWC, the model is NCHW: x.transpose(0, 3, 1, 2)",)
    if array.shape == wanted:
        return ("a single sample needs a leading axis: x[None]",)
    if math.prod(found) == math.prod(wanted):
        sizes = ", ".join(map(str, wanted))
        return (f"as many values a sample: x.reshape(-1, {sizes}), if the order is the model's",)
    return ("the leading axis counts samples, the rest is the input's shape without batch",)


def check_finite(given: Given) -> None:
    """DataError naming the first sample with NaN or infinity."""
    if given.array.dtype.kind != "f":
        return
    bad = ~np.isfinite(given.array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        samples = int(bad.reshape(len(bad), -1).any(axis=1).sum())
        raise DataError(
            f"{given.label} holds {given.array[first]} in sample {first[0]}, at {first[1:]}",
            details=(f"{samples} of {len(bad)} samples hold values that are not finite",),
            hints=("remove these samples, or repair the preprocessing",),
        )


def _text(dims: tuple[int | str, ...]) -> str:
    return "x".join(map(str, dims)) or "a scalar"
