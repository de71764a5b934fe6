"""The quantization report of an artifact: what each layer costs, and what to try about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgetool.data import Dataset
from edgetool.figures import Figure
from edgetool.graph import Graph
from edgetool.pipeline import FLOAT
from edgetool.quantization.advice import Advice, advise
from edgetool.quantization.layer_noise import NoiseReport, measure_layers
from edgetool.quantization.noise_tally import LayerNoise
from edgetool.quantization.ranges import chosen_method
from edgetool.runtimes.session import Progress

SCHEMA_VERSION = 1
LAST_BEFORE = FLOAT[-1].name


class Stages:
    """Watches the pipeline: keeps the graph before and after its numbers were rounded.

    graphs: by the pass that left them; "float" is the one before any of these passes.
    """

    def __init__(self) -> None:
        self.graphs: dict[str, Graph] = {}

    def __call__(self, name: str, graph: Graph) -> None:
        """Keep what the passes around quantization left."""
        if name in ("equalize_channels", "quantize_static", "reconstruct_weights"):
            self.graphs[name] = graph.clone()
        elif name == LAST_BEFORE and "equalize_channels" not in self.graphs:
            self.graphs["float"] = graph.clone()

    @property
    def pair(self) -> tuple[Graph, Graph] | None:
        """(float, quantized), None where nothing was quantized."""
        before = self.graphs.get("equalize_channels")
        after = self.graphs.get("reconstruct_weights") or self.graphs.get("quantize_static")
        if before is None or after is None or not after.is_quantized():
            return None
        return before, after


def quantization_report(
    stages: Stages | None,
    calibration: Dataset | None,
    evaluation: Dataset | None,
    options: Mapping[str, Any],
    progress: Progress | None = None,
) -> dict[str, Any] | None:
    """The report as JSON types; None where none was asked for, or nothing was quantized.

    options: as quantize_static and the passes around it got them.
    Evaluation samples are taken where there are any: ranges were not set by them.
    """
    pair = None if stages is None else stages.pair
    dataset = evaluation or calibration
    if pair is None or dataset is None:
        return None
    noise = measure_layers(*pair, dataset.inputs, progress)
    effort = str(options.get("effort", "fast"))
    ranges = chosen_method(options)
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": "quantization",
        "effort": effort,
        "ranges": ranges,
        "data": "evaluation" if evaluation is not None else "calibration",
        "samples": noise.samples,
        **_decibels(sqnr_db=noise.model_db),
    }
    content["layers"] = [_layer(layer, noise) for layer in noise.layers]
    content["try"] = [_advice(each) for each in advise(noise, effort, ranges)]
    return content


def _layer(layer: LayerNoise, noise: NoiseReport) -> dict[str, Any]:
    content: dict[str, Any] = {"name": layer.name, "operator": layer.operator}
    content |= {"output": layer.output, "position": noise.order.index(layer.output)}
    content["dtype"] = layer.dtype
    if layer.weight_dtype:
        content["weight_dtype"] = layer.weight_dtype
    content |= _decibels(
        model_sqnr_db=layer.model_db,
        own_sqnr_db=layer.own_db,
        weights_sqnr_db=layer.weights_db if layer.weight_dtype else None,
        rounding_sqnr_db=layer.rounding_db,
        running_sqnr_db=layer.running_db,
    )
    content |= _fractions(
        held_low=layer.held[0],
        held_high=layer.held[1],
        seen_low=layer.seen[0],
        seen_high=layer.seen[1],
        saturated=layer.saturated,
        weight_use=layer.weight_use,
        channel_use=layer.channel_use,
    )
    if layer.remedies_db:
        content["remedies"] = {
            name: Figure(value, "dB", "computed").to_json()
            for name, value in layer.remedies_db.items()
        }
    return content


def _advice(advice: Advice) -> dict[str, Any]:
    return {
        "option": advice.option,
        "reason": advice.reason,
        "layers": list(advice.layers),
        "gain_db": Figure(advice.gain_db, "dB", "predicted").to_json(),
    }


def _decibels(**values: float | None) -> Mapping[str, Any]:
    return {n: Figure(v, "dB", "computed").to_json() for n, v in values.items() if v is not None}


def _fractions(**values: float | None) -> Mapping[str, Any]:
    """Numbers without unit, to six digits."""
    found = {name: value for name, value in values.items() if value is not None}
    return {n: Figure(float(f"{v:.6g}"), "1", "computed").to_json() for n, v in found.items()}
