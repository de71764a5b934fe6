"""Adding up signal, noise and ranges over samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.quantization.noise_sites import Site, fake_quantize, held_by
from edgetool.quantization.statistics import ActivationStatistics

Array = npt.NDArray[Any]
Values = Mapping[str, Array]


@dataclass(frozen=True)
class LayerNoise:
    """One layer's loss. SQNR is 10·log10(Σ float² / Σ error²) in dB, None where nothing differs.

    held: real values of the smallest and the largest code.   seen: the float values' extremes.
    saturated: share of the values outside held.
    own_db: the output with rounded weights and output, inputs as in the float network.
    weights_db, rounding_db: the two parts of it, weights alone and the output's rounding alone.
    running_db: the value in the quantized network.
    model_db: the model's outputs when this layer alone is rounded.
    weight_use: mean over output channels of the largest code's share of the largest there is.
    channel_use: mean over channels of their range's share of the tensor's.
    remedies_db: of the costliest layers, model_db with one thing about the layer changed: its
    output's range by a method's name, "exact output" and "exact weights".
    """

    name: str
    operator: str
    output: str
    dtype: str
    weight_dtype: str
    held: tuple[float, float]
    seen: tuple[float, float]
    saturated: float
    own_db: float | None
    weights_db: float | None
    rounding_db: float | None
    running_db: float | None
    model_db: float | None
    weight_use: float | None
    channel_use: float | None
    remedies_db: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Power:
    """Signal and noise over samples; of several outputs each weighs the same."""

    signal: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)

    def add(self, expected: Sequence[Array], found: Sequence[Array]) -> None:
        """Take in one sample's outputs."""
        if not self.signal:
            self.signal, self.noise = [0.0] * len(expected), [0.0] * len(expected)
        for index, (wanted, output) in enumerate(zip(expected, found, strict=True)):
            real = wanted.astype(np.float64)
            self.signal[index] += float(np.square(real).sum())
            self.noise[index] += float(np.square(output - real).sum())

    @property
    def ratio(self) -> float:
        """Noise over signal, the mean of the outputs; 0 without noise or signal."""
        pairs = zip(self.noise, self.signal, strict=True)
        ratios = [noise / signal for noise, signal in pairs if signal > 0]
        return sum(ratios) / len(ratios) if ratios else 0.0

    @property
    def db(self) -> float | None:
        """SQNR, rounded to 0.01 dB; None without noise or signal."""
        return round(-10 * math.log10(self.ratio), 2) if self.ratio > 0 else None


class Tally:
    """What one site adds up over the samples."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.value = site.rounded.output
        self.own, self.weights, self.rounding = Power(), Power(), Power()
        self.running, self.model = Power(), Power()
        self.statistics = ActivationStatistics(True)
        self.difference: Array = np.zeros(())
        self._outside = self._elements = 0
        self._low: Array = np.zeros(())
        self._high: Array = np.zeros(())

    def add(self, plain: Values, rounded: Values, running: Values, sample: int) -> None:
        """Take in one sample; difference is then what rounding this layer alone changes.

        plain, rounded: as RoundedWeights gives them.   running: of the quantized network.
        """
        real, other = plain[self.value], rounded[self.value]
        own = fake_quantize(other, self.site.parameters, self.site.dtype)
        self.difference = own - real
        self.own.add([real], [own])
        self.weights.add([real], [other])
        exact = fake_quantize(real, self.site.parameters, self.site.dtype)
        self.rounding.add([real], [exact])
        self.running.add([real], [running[self.site.dequantized]])
        low, high = held_by(self.site.parameters, self.site.dtype)
        step = self.site.parameters.scale / 2
        self._outside += int(((real < low - step) | (real > high + step)).sum())
        self._elements += real.size
        self.statistics.update(self.value, real, sample)
        self._extend_channels(real)

    def _extend_channels(self, real: Array) -> None:
        if real.ndim < 2:
            return
        rows = np.moveaxis(real, 1, 0).reshape(real.shape[1], -1)
        self._low = np.minimum(self._low, rows.min(axis=1))
        self._high = np.maximum(self._high, rows.max(axis=1))

    def result(self) -> LayerNoise:
        """What was added up."""
        site, seen = self.site, self.statistics
        return LayerNoise(
            site.label,
            site.operator,
            self.value,
            site.dtype,
            "" if site.weights is None else str(site.weights.stored.dtype),
            held_by(site.parameters, site.dtype),
            (seen.minimum, seen.maximum),
            self._outside / max(self._elements, 1),
            self.own.db,
            self.weights.db,
            self.rounding.db,
            self.running.db,
            self.model.db,
            site.weight_use,
            self._channel_use(),
        )

    def _channel_use(self) -> float | None:
        spans = self._high - self._low
        if spans.size < 2 or not spans.max() > 0:
            return None
        whole = float(self._high.max() - self._low.min())
        return float(spans.mean() / whole)
