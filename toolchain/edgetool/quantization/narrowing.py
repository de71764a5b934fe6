"""Which layers' weights lose least when they take 4 bits instead of 8, for the bytes they free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.graph import Graph
from edgetool.quantization.disturbance import DisturbedOutputs, RoundedLayer, RoundedWeights
from edgetool.quantization.layer_noise import affordable_samples
from edgetool.quantization.noise_sites import Site, find_sites
from edgetool.quantization.noise_tally import Power
from edgetool.quantization.rounding import along, quantize_weights

Array = npt.NDArray[Any]
Samples = Mapping[str, Array]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Narrowing:
    """A layer whose weights could take 4 bits.

    noise: what that alone adds to the model's outputs, as a share of their power.
    bytes_saved: of its weights, two of which share a byte then.
    """

    layer: str
    noise: float
    bytes_saved: int


def rank_narrowings(
    reference: Graph, quantized: Graph, samples: Samples, progress: Progress | None = None
) -> list[Narrowing]:
    """Layers with int8 weights, those that add least noise for each byte they free first.

    reference, quantized, samples: as measure_layers takes them.
    Raises: ModelError when onnxruntime cannot run the reference.
    """
    sites = [site for site in find_sites(reference, quantized) if _can_be_narrow(site)]
    rounded = [_narrow(site) for site in sites]
    count = affordable_samples(reference, sites, samples)
    names = [str(value.name) for value in reference.graph.inputs]
    weights = RoundedWeights(reference, rounded)
    disturbed = DisturbedOutputs(reference, [layer.output for layer in rounded])
    powers = [Power() for _ in sites]
    for sample in range(count):
        feed = {name: samples[name][sample : sample + 1] for name in names}
        plain, narrow = weights.run(feed)
        expected = disturbed.run(feed)
        for layer, power in zip(rounded, powers, strict=True):
            difference = narrow[layer.output] - plain[layer.output]
            power.add(expected, disturbed.run(feed, layer.output, difference))
        if progress is not None:
            progress(sample + 1, count, "try 4-bit weights")
    found = [
        Narrowing(site.rounded.node, power.ratio, _bytes_saved(site))
        for site, power in zip(sites, powers, strict=True)
    ]
    return sorted(found, key=lambda each: (each.noise / each.bytes_saved, each.layer))


def narrowest_within(ranked: Sequence[Narrowing], bytes_to_save: int) -> tuple[str, ...] | None:
    """Layers that together free so many bytes with little noise, in the ranking's order.

    Taken in the ranking's order until they do; then those that the others make superfluous are
    given back, the noisiest first. None where all of them do not free enough.
    """
    taken: list[Narrowing] = []
    for each in ranked:
        if sum(other.bytes_saved for other in taken) >= bytes_to_save:
            break
        taken.append(each)
    saved = sum(each.bytes_saved for each in taken)
    if saved < bytes_to_save:
        return None
    for each in sorted(taken, key=lambda each: -each.noise):
        if saved - each.bytes_saved >= bytes_to_save:
            taken.remove(each)
            saved -= each.bytes_saved
    return tuple(each.layer for each in taken)


def _can_be_narrow(site: Site) -> bool:
    """ConvTranspose keeps int8, for no runtime takes fewer bits there."""
    weights = site.weights
    is_int8 = weights is not None and weights.stored.dtype == np.int8
    return is_int8 and site.real_weights is not None and site.operator != "ConvTranspose"


def _narrow(site: Site) -> RoundedLayer:
    """The layer with its weights, as they are, rounded to 4 bits; its bias stays exact."""
    real = np.asarray(site.real_weights, np.float32)
    found = quantize_weights(site.label, real, site.weight_axis, bits=4)
    spread = along(found.scale, site.weight_axis, real.ndim)
    return replace(site.rounded, constants={1: found.values.astype(np.float32) * spread})


def _bytes_saved(site: Site) -> int:
    return 0 if site.real_weights is None else site.real_weights.size // 2
