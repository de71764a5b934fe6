"""Ranges chosen by what rounding and clipping in them does to the model's outputs.

No rule fits every activation: outliers of one carry the decision, those of another nothing. So the
candidates of all rules are tried, one activation at a time with everything else in float, and the
one that moves the outputs least is taken. Noise of independent roundings adds up, so what is best
for each alone is close to what is best together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.graph import Graph
from edgetool.graph.cost import node_macs
from edgetool.quantization.disturbance import DisturbedOutputs
from edgetool.quantization.observed_session import ValueSession
from edgetool.quantization.parameters import (
    INT8_MAX,
    INT8_MIN,
    ActivationParameters,
    Range,
    activation_parameters,
)

Array = npt.NDArray[Any]
Samples = Mapping[str, Array]

MOST_SAMPLES, LEAST_SAMPLES = 32, 4
WORK_MACS = 20e9  # that decide how many samples are used: about a second of one core
_TRIES = 8  # an activation, about
IGNORED_SHARE = 0.002  # of all noise: an activation that makes less keeps its first candidate
CLEARLY = 0.95  # of the first candidate's noise: what is to be better by more than chance
FACTORS = (0.8, 0.9, 1.1, 1.25)  # of a range's ends, when ranges are refined
_ROUNDS = 4


@dataclass(frozen=True)
class Observed:
    """What shares a range.

    names: the values to look at.   candidates: ranges, the one to fall back on first.
    widest: what was seen; included constants too.
    """

    names: tuple[str, ...]
    candidates: tuple[Range, ...]
    widest: Range


@dataclass(frozen=True)
class Choice:
    """ranges: one for each.   first, chosen: noise over signal at the outputs, with the first
    candidates and with those chosen, summed over activations that were rounded alone.
    samples: how many were looked at."""

    ranges: tuple[Range, ...]
    first: float
    chosen: float
    samples: int


def choose_by_output(
    graph: Graph, observed: Sequence[Observed], samples: Samples, symmetric: bool, refine: bool
) -> Choice:
    """The candidate of each whose noise moves the graph's outputs least.

    graph: float.   samples: input name to (samples, …).   symmetric: zero point 0.
    refine: search each end of a range around the best candidate, too.
    """
    few = spread_samples(graph, len(observed), samples)
    trial = _Trial(graph, observed, few, symmetric)
    first = [trial.noise(index, item.candidates[0]) for index, item in enumerate(observed)]
    total = sum(float(noise.sum()) for noise in first)
    ranges = []
    for index, item in enumerate(observed):
        found = item.candidates[0]
        if float(first[index].sum()) > IGNORED_SHARE * total:
            found = _best(trial, index, item.candidates)
            found = _refined(trial, index, found) if refine else found
        ranges.append(found)
    chosen = sum(float(trial.noise(index, found).sum()) for index, found in enumerate(ranges))
    count = min(len(array) for array in few.values())
    return Choice(tuple(ranges), total, chosen, count)


def spread_samples(graph: Graph, activations: int, samples: Samples) -> dict[str, Array]:
    """As many, evenly spread, as the work allows."""
    macs = sum(node_macs(node) or 0 for node in graph.graph)
    affordable = int(WORK_MACS / max(macs * activations * _TRIES, 1))
    available = min(len(array) for array in samples.values())
    wanted = min(max(affordable, LEAST_SAMPLES), MOST_SAMPLES, available)
    index = np.linspace(0, available - 1, wanted).astype(np.int64)
    return {name: array[index] for name, array in samples.items()}


def fake_quantize(values: Array, parameters: ActivationParameters) -> Array:
    """The values, rounded to int8 and back; float32."""
    scale, zero = np.float32(parameters.scale), np.float32(parameters.zero_point)
    codes = np.rint(values / scale)
    np.clip(codes, INT8_MIN - zero, INT8_MAX - zero, out=codes)
    codes *= scale
    return np.asarray(codes, np.float32)


class _Trial:
    """Measures the noise that one rounded activation makes at the outputs."""

    def __init__(
        self, graph: Graph, observed: Sequence[Observed], samples: Samples, symmetric: bool
    ) -> None:
        names = sorted({name for item in observed for name in item.names})
        computed = [name for name in names if name not in samples]
        session = ValueSession(graph, computed) if computed else None
        self.observed, self.symmetric = observed, symmetric
        self.disturbed = DisturbedOutputs(graph, names)
        self.feeds = [
            {name: array[i : i + 1] for name, array in samples.items()}
            for i in range(min(len(array) for array in samples.values()))
        ]
        self.values = [
            feeds | session.run(feeds) if session is not None else dict(feeds)
            for feeds in self.feeds
        ]
        self.real = [self.disturbed.run(feeds) for feeds in self.feeds]
        outputs = zip(*self.real, strict=True)
        self.signal = [
            max(sum(float(np.square(array, dtype=np.float64).sum()) for array in arrays), 1e-30)
            for arrays in outputs
        ]
        self.known: dict[tuple[int, Range], Array] = {}

    def noise(self, index: int, candidate: Range) -> Array:
        """Squared error over all samples' signal, summed over outputs, when all of one group is
        rounded; float64 (samples,)."""
        if (index, candidate) not in self.known:
            self.known[index, candidate] = self._measure(index, candidate)
        return self.known[index, candidate]

    def _measure(self, index: int, candidate: Range) -> Array:
        parameters = activation_parameters(candidate, self.symmetric)
        noise = np.zeros(len(self.feeds))
        samples = zip(self.feeds, self.values, self.real, strict=True)
        for sample, (feeds, values, real) in enumerate(samples):
            differences = {
                name: fake_quantize(values[name], parameters) - values[name]
                for name in self.observed[index].names
            }
            found = self.disturbed.run_all(feeds, differences)
            for signal, wanted, output in zip(self.signal, real, found, strict=True):
                error = output.astype(np.float64) - wanted
                noise[sample] += float(np.square(error).sum()) / signal
        return noise


def _best(trial: _Trial, index: int, candidates: Sequence[Range]) -> Range:
    """The candidate of least noise, the first unless another is better by more than chance.

    Samples near a decision would outweigh all others by far: each counts by how much more or less
    noise a candidate makes for it than candidates do on average.
    """
    noise = np.stack([trial.noise(index, candidate) for candidate in candidates])
    usual = noise.mean(axis=0)
    shares = (noise / np.where(usual > 0, usual, 1.0)).mean(axis=1)
    best = int(np.argmin(shares))
    return candidates[best] if shares[best] < CLEARLY * shares[0] else candidates[0]


def _refined(trial: _Trial, index: int, best: Range) -> Range:
    """Coordinate descent over the ends of the range, within what was seen."""
    widest = trial.observed[index].widest
    for _ in range(_ROUNDS):
        low, high = (
            [max(best.low * f, widest.low) for f in FACTORS],
            [min(best.high * f, widest.high) for f in FACTORS],
        )
        near = [Range(*ends) for ends in zip(low, high, strict=True)]  # one end alone gains little
        near += [Range(end, best.high) for end in low if best.low < 0]
        near += [Range(best.low, end) for end in high if best.high > 0]
        found = _best(trial, index, [best, *near])
        if found == best:
            return best
        best = found
    return best
