"""What to try about the costliest layers: only what was measured to help them together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgetool.quantization.layer_noise import EXACT_OUTPUT, EXACT_WEIGHTS, NoiseReport
from edgetool.quantization.noise_tally import LayerNoise
from edgetool.quantization.ranges import METHODS

LEAST_GAIN_DB = 0.5
"""Of the model. Less comes and goes with other samples."""
LEAST_LAYER_GAIN_DB = 1.0
"""For a layer to be named as one that the option helps."""
UNEVEN = 0.5
"""Mean share of the tensor's range that channels use, below which equalizing has room."""


@dataclass(frozen=True)
class Advice:
    """option: what to type.   reason: what it mends.   layers: those that it helps most.

    gain_db: what the model gains, predicted as if the costliest layers alone changed and the
    noises of layers added up.
    """

    option: str
    reason: str
    layers: tuple[str, ...]
    gain_db: float


def advise(report: NoiseReport, effort: str, ranges: str) -> tuple[Advice, ...]:
    """What would help, the largest gain first, each option once.

    effort, ranges: that the graph was quantized with.
    """
    found: dict[str, Advice] = {}
    for remedy in (EXACT_OUTPUT, EXACT_WEIGHTS, *METHODS):
        treated = [layer for layer in report.layers if remedy in layer.remedies_db]
        gain = predicted_gain(report, treated, remedy)
        words = None if remedy == ranges else _words(remedy, treated, effort, _is_mixed(report))
        if words is None or gain < LEAST_GAIN_DB:
            continue
        if words[0] not in found or found[words[0]].gain_db < gain:
            found[words[0]] = Advice(*words, _helped(treated, remedy), round(gain, 2))
    return tuple(sorted(found.values(), key=lambda advice: -advice.gain_db))


def predicted_gain(report: NoiseReport, layers: Sequence[LayerNoise], remedy: str) -> float:
    """dB of the model when these layers' noise becomes what the remedy leaves, noises adding up.

    Layers' noises may cancel, so that some are more than all: the rest counts as a tenth at least.
    """
    if report.model_db is None or not layers:
        return 0.0
    total = _noise(report.model_db)
    own = sum(_noise(layer.model_db) for layer in layers)
    left = sum(_noise(layer.remedies_db[remedy]) for layer in layers)
    rest = max(total - own, 0.1 * total)
    return 10 * math.log10((rest + own) / (rest + left))


def _noise(decibels: float | None) -> float:
    return 0.0 if decibels is None else 10 ** (-decibels / 10)


def _helped(layers: Sequence[LayerNoise], remedy: str) -> tuple[str, ...]:
    return tuple(
        layer.name
        for layer in layers
        if layer.model_db is not None
        and layer.remedies_db[remedy] - layer.model_db >= LEAST_LAYER_GAIN_DB
    )


def _is_mixed(report: NoiseReport) -> bool:
    """Whether weights have 4 bits in some layers only."""
    return len({layer.weight_dtype for layer in report.layers} - {""}) > 1


def _words(
    remedy: str, layers: Sequence[LayerNoise], effort: str, mixed: bool
) -> tuple[str, str] | None:
    """(option, reason) of a remedy, None where no option brings it."""
    if not layers:
        return None
    if remedy == EXACT_OUTPUT:
        uses = [layer.channel_use for layer in layers if layer.channel_use is not None]
        if effort == "fast" and uses and min(uses) < UNEVEN:
            return "--effort normal", "channels use little of their layers' ranges: it evens them"
        if all(layer.dtype == "int16" for layer in layers):
            return None
        if any(layer.dtype == "int4" for layer in layers):
            return "--precision w4a8", "rounding activations to 4 bits costs most of it"
        return "--precision int16x8", "rounding activations to 8 bits costs most of it"
    if remedy == EXACT_WEIGHTS:
        if any(layer.weight_dtype == "int4" for layer in layers):
            option = "a larger --budget" if mixed else "--precision int8"
            return option, "4 bits are too few for these layers' weights"
        if effort == "fast":
            return "--effort normal", "it rounds weights by what their layers give"
        return None
    return f"--ranges {remedy}", "its ranges suit these layers' outputs better"
