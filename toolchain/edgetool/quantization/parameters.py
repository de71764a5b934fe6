"""Scale and zero point of an integer activation from the range of real values it must hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

INT8_MIN, INT8_MAX = -128, 127
INT16_MAX = 32767
INT4_MAX = 7
# Smaller scales only encode noise, and make requantization multipliers overflow: with inputs of
# scale 1 and weights of scale 1, 2**-30 is the largest ratio LiteRT's fixed-point shift can hold.
MIN_SCALE = 2.0**-30


@dataclass(frozen=True)
class Range:
    """The real interval that the codes must cover; it always includes 0."""

    low: float
    high: float

    @classmethod
    def including_zero(cls, low: float, high: float) -> Range:
        """The interval widened to hold 0, so that zero is exactly representable."""
        return cls(min(low, 0.0), max(high, 0.0))

    @property
    def is_zero(self) -> bool:
        """Whether only the value 0 lies in it."""
        return self.low == 0.0 and self.high == 0.0


@dataclass(frozen=True)
class ActivationParameters:
    """real = (integer - zero_point) · scale, one scale for the whole tensor.

    scale: a float32 number, positive.   zero_point: -128..127, 0 for int16, -8..7 for int4.
    bits: 4 for int4; for the others the graph says which.
    """

    scale: float
    zero_point: int
    bits: int = 8


# LiteRT 8-bit quantization specification: LOGISTIC and SOFTMAX, TANH.
PROBABILITY = ActivationParameters(1.0 / 256.0, -128)
HYPERBOLIC = ActivationParameters(1.0 / 128.0, 0)
# The same values with zero point 0, for runtimes that take nothing else (TensorRT).
# 1/127 represents 1.0, the most frequent value of a confident softmax, exactly.
PROBABILITY_SYMMETRIC = ActivationParameters(float(np.float32(1.0 / 127.0)), 0)

PROBABILITY_INT16 = ActivationParameters(1.0 / 32768.0, 0)


def activation_parameters(
    wanted: Range, symmetric: bool = False, bits: int = 8
) -> ActivationParameters:
    """Parameters that cover the range with 255 steps; zero point 0 when symmetric.

    bits: 8, 16 or 4; 16 are always symmetric, 32767 steps each side; 4 have 15 steps.

    A range that holds only 0 is taken as [0, 1] (a scale of 0 means nothing); a scale below
    MIN_SCALE becomes MIN_SCALE.
    """
    if wanted.is_zero:
        wanted = Range(0.0, 1.0)
    if bits == 16:
        return _symmetric(wanted, INT16_MAX)
    if bits == 4:
        narrow = _symmetric(wanted, INT4_MAX) if symmetric else _asymmetric(wanted, -8, INT4_MAX)
        return replace(narrow, bits=4)
    return _symmetric(wanted, INT8_MAX) if symmetric else _asymmetric(wanted)


def _symmetric(wanted: Range, codes: int) -> ActivationParameters:
    largest = max(-wanted.low, wanted.high)
    return ActivationParameters(_float32_scale(largest / codes), 0)


def _asymmetric(
    wanted: Range, least: int = INT8_MIN, largest: int = INT8_MAX
) -> ActivationParameters:
    scale = _float32_scale((wanted.high - wanted.low) / (largest - least))
    zero_point = least + math.floor(-wanted.low / scale + 0.5)
    return ActivationParameters(scale, min(max(zero_point, least), largest))


def _float32_scale(scale: float) -> float:
    return float(np.float32(max(scale, MIN_SCALE)))


def symmetric_cost_db(wanted: Range) -> float:
    """How much SQNR zero point 0 costs in dB: 20·log10 of the ratio of the two scales."""
    free = activation_parameters(wanted)
    centred = activation_parameters(wanted, symmetric=True)
    return 20.0 * math.log10(centred.scale / free.scale)
