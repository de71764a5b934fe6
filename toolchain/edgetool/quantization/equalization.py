"""Which factors between the channels of an activation make the least noise behind the next layer.

Dividing channels by their ranges gives all of them the activation's 255 steps, but makes the next
layer's weights less alike, and those of the layer in front where these share one scale. The noise
of each rounding is uniform: a twelfth of the step squared.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.quantization.parameters import INT8_MAX

Array = npt.NDArray[Any]

WIDEST = 256.0  # the largest factor between channels
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Rounding by error (weight_rounding) leaves about a quarter of the noise of weights.
WEIGHT_NOISE = 0.25
_SMALLEST = 1e-30


@dataclass(frozen=True, eq=False)
class ReaderWeights:
    """Magnitudes (outputs, channels, taps).   per_output: whether each output has its scale."""

    magnitudes: Array
    per_output: bool


@dataclass(frozen=True, eq=False)
class EqualizationProblem:
    """An activation between two layers.

    largest, mean_square: of each channel.   two_sided: whether negative values occur.
    maker_largest: largest weight of each output of the layer in front where these share a scale,
    else None: then dividing outputs costs nothing.   maker_energy: mean square of that layer's
    input, summed over channels.
    least: below which no channel's factor may be, that a Clip behind the layer cuts off nothing.
    activation_codes: steps of the activation's range.   weight_codes: of a weight's half.
    """

    largest: Array
    mean_square: Array
    two_sided: bool
    readers: tuple[ReaderWeights, ...]
    maker_largest: Array | None
    maker_energy: float
    least: Array | None = None
    activation_codes: int = 255
    weight_codes: int = INT8_MAX


def best_factors(problem: EqualizationProblem) -> tuple[Array, float]:
    """(what to divide each channel by, how many dB of predicted noise that saves)."""
    second = POWERS if problem.maker_largest is not None else (0.0,)
    candidates = [factors_of(problem, a, b) for a, b in itertools.product(POWERS, second)]
    noises = [predicted_noise(problem, factors) for factors in candidates]
    best = int(np.argmin(noises))
    if noises[best] <= 0 or noises[0] <= 0:
        return candidates[0], 0.0
    return candidates[best], 10 * float(np.log10(noises[0] / noises[best]))


def factors_of(problem: EqualizationProblem, range_power: float, weight_power: float) -> Array:
    """Shares of the largest range, and of the largest weight, to these powers; 1 at most."""
    factors = _share(problem.largest) ** range_power
    if problem.maker_largest is not None:
        factors = factors * _share(problem.maker_largest) ** weight_power
    factors = np.clip(factors / factors.max(initial=_SMALLEST), 1 / WIDEST, 1.0)
    return np.asarray(factors if problem.least is None else np.maximum(factors, problem.least))


def _share(numbers: Array) -> Array:
    """Each as a share of the largest; a channel of zeros counts as the largest."""
    top = numbers.max(initial=0.0)
    return np.where(numbers > 0, numbers / top, 1.0) if top > 0 else np.ones_like(numbers)


def predicted_noise(problem: EqualizationProblem, factors: Array) -> float:
    """Noise power behind the readers, summed over outputs, up to a common factor."""
    span = (2.0 if problem.two_sided else 1.0) * (problem.largest / factors).max(initial=0.0)
    step = (span / problem.activation_codes) ** 2
    if problem.maker_largest is not None:
        own = (problem.maker_largest / factors).max(initial=0.0) / problem.weight_codes
        step += WEIGHT_NOISE * own**2 * problem.maker_energy
    total = 0.0
    for reader in problem.readers:
        scaled = reader.magnitudes * factors[:, None]
        total += step * float(np.square(scaled).sum())
        noise = _weight_noise(reader, scaled, problem.mean_square / factors**2)
        total += WEIGHT_NOISE * noise / problem.weight_codes**2
    return total


def _weight_noise(reader: ReaderWeights, scaled: Array, mean_square: Array) -> float:
    """With a step as large as the largest weight."""
    largest = scaled.max(axis=(1, 2)) if reader.per_output else np.full(len(scaled), scaled.max())
    reads = (scaled > 0) * mean_square[:, None]
    return float(np.square(largest) @ reads.sum(axis=(1, 2)))
