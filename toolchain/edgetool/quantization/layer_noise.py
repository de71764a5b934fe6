"""What quantization costs, layer by layer: at each layer's own output, and at the model's.

Each layer is rounded alone in the float network, so that its share is known apart from what the
layers in front of it have lost; beside it stands what the quantized network really has there.
Of the costliest layers it is then measured what the model would gain if one thing were changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from edgetool.graph import Graph, static_shape
from edgetool.quantization.disturbance import DisturbedOutputs, RoundedWeights
from edgetool.quantization.noise_sites import RunningValues, Site, fake_quantize, find_sites
from edgetool.quantization.noise_tally import LayerNoise, Power, Tally
from edgetool.quantization.parameters import activation_parameters
from edgetool.quantization.ranges import METHODS, choose_range

Array = npt.NDArray[Any]
Samples = Mapping[str, Array]
Progress = Callable[[int, int, str], None]

MOST_SAMPLES, LEAST_SAMPLES = 64, 8
MOST_ELEMENTS = 1 << 29
"""Of all layers' outputs, once for each layer and sample: about a minute."""
REMEDIED_LAYERS = 5
EXACT_OUTPUT, EXACT_WEIGHTS = "exact output", "exact weights"


@dataclass(frozen=True)
class NoiseReport:
    """samples: how many were looked at.   model_db: the quantized model's SQNR.

    layers: the costliest at the model's output first.   order: their values as computed.
    """

    samples: int
    model_db: float | None
    layers: tuple[LayerNoise, ...]
    order: tuple[str, ...] = ()


def measure_layers(
    reference: Graph, quantized: Graph, samples: Samples, progress: Progress | None = None
) -> NoiseReport:
    """Compare the quantized graph with its float reference over some of the samples.

    reference: as quantize_static got it; nodes keep their names in quantized.
    samples: input name to (samples, *shape without batch).
    Raises: ModelError when onnxruntime cannot run the reference.
    """
    sites = find_sites(reference, quantized)
    names = [str(value.name) for value in reference.graph.inputs]
    count = affordable_samples(reference, sites, samples)
    feeds = [{name: samples[name][i : i + 1] for name in names} for i in range(count)]
    weights = RoundedWeights(reference, [site.rounded for site in sites])
    disturbed = DisturbedOutputs(reference, [site.rounded.output for site in sites])
    running, total = RunningValues(quantized, sites), Power()
    tallies = [Tally(site) for site in sites]
    for sample, feed in enumerate(feeds):
        plain, rounded = weights.run(feed)
        expected, found = disturbed.run(feed), running.run(feed)
        total.add(expected, running.outputs(found))
        for tally in tallies:
            tally.add(plain, rounded, found, sample)
            tally.model.add(expected, disturbed.run(feed, tally.value, tally.difference))
        if progress is not None:
            progress(sample + 1, count, "compare layers")
    tallies.sort(key=lambda tally: math.inf if tally.model.db is None else tally.model.db)
    worst = [tally for tally in tallies if tally.model.db is not None][:REMEDIED_LAYERS]
    remedies = _try_remedies(worst, feeds, weights, disturbed)
    layers = [replace(t.result(), remedies_db=remedies.get(t.value, {})) for t in tallies]
    order = tuple(site.rounded.output for site in sites)
    return NoiseReport(count, total.db, tuple(layers), order)


def affordable_samples(reference: Graph, sites: Sequence[Site], samples: Samples) -> int:
    """How many samples to look at, so that a run for each site and sample takes about a minute."""
    elements = sum(math.prod(static_shape(site.value) or (1,)) for site in sites)
    wanted = MOST_ELEMENTS // max(elements * len(sites), 1)
    available = min(len(samples[str(value.name)]) for value in reference.graph.inputs)
    return min(max(min(wanted, MOST_SAMPLES), LEAST_SAMPLES), available)


def _try_remedies(
    tallies: Sequence[Tally],
    feeds: Sequence[Samples],
    weights: RoundedWeights,
    disturbed: DisturbedOutputs,
) -> dict[str, dict[str, float]]:
    """By value and by remedy, the model's SQNR in dB when the layer so changed is rounded alone."""
    powers: dict[str, dict[str, Power]] = {tally.value: {} for tally in tallies}
    for feed in feeds:
        plain, rounded = weights.run(feed)
        expected = disturbed.run(feed)
        for tally in tallies:
            for remedy, changed in _remedies(tally, plain, rounded):
                power = powers[tally.value].setdefault(remedy, Power())
                difference = changed - plain[tally.value]
                power.add(expected, disturbed.run(feed, tally.value, difference))
    return {
        value: {name: p.db for name, p in found.items() if p.db is not None}
        for value, found in powers.items()
    }


def _remedies(tally: Tally, plain: Samples, rounded: Samples) -> Iterator[tuple[str, Array]]:
    site = tally.site
    real, other = plain[tally.value], rounded[tally.value]
    if site.weights is not None:
        yield EXACT_OUTPUT, other
        yield EXACT_WEIGHTS, fake_quantize(real, site.parameters, site.dtype)
    if site.has_free_range:
        for method in METHODS:
            parameters = activation_parameters(choose_range(tally.statistics, method))
            yield method, fake_quantize(other, parameters, site.dtype)
