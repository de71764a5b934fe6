"""Other quantization parameters for the same type: what requantize and clip compute."""

from __future__ import annotations

import numpy as np

from edgetool.program.arithmetic import clamp, multiply_double_rounding, quantize_multiplier
from edgetool.program.lookup import elementwise_call
from edgetool.program.operator import Array, KernelCall, integer_kernel
from edgetool.program.tensor import Tensor


def rescale_call(x: Tensor, out: Tensor, factor: float, bounds: tuple[int, int]) -> KernelCall:
    """The call of requantize_s8. factor: scale of x over scale of out."""
    multiplier, shift = quantize_multiplier(factor)
    parameters: dict[str, int | float] = {
        "in_zero_point": x.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "out_zero_point": out.zero_point,
        "low": bounds[0],
        "high": bounds[1],
    }
    return elementwise_call(integer_kernel("requantize", x), out, parameters)


def rescale(values: Array, x: Tensor, out: Tensor, factor: float, bounds: tuple[int, int]) -> Array:
    """(values - zero point) * factor + zero point of out, clamped to bounds."""
    multiplier, shift = quantize_multiplier(factor)
    centred = values.astype(np.int64) - x.zero_point
    scaled = multiply_double_rounding(centred, multiplier, shift) + out.zero_point
    return clamp(scaled, bounds, out.dtype)
