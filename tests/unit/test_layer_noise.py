"""What quantization costs layer by layer: a damaged layer is found, and what would mend it."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import onnx
import pytest

import networks
from edgetool.graph import Graph, constant_array
from edgetool.graph.execute import Executor
from edgetool.graph.operands import overwrite, read_operand
from edgetool.metrics import sqnr_db
from edgetool.passes import PassContext
from edgetool.pipeline import FLOAT, run_pipeline
from edgetool.quantization.advice import advise
from edgetool.quantization.layer_noise import NoiseReport, measure_layers
from edgetool.quantization.noise_tally import LayerNoise
from edgetool.reports.plots import lines
from edgetool.reports.quantization_page import render_page
from qdq import graph_of, normal_samples, quantize

DAMAGED = "block2_conv1"  # of the residual network


def pair(
    make: Callable[[int], onnx.ModelProto] = networks.residual_network, **options: Any
) -> tuple[Graph, Graph, dict[str, Any]]:
    """(float, quantized, samples) of a network."""
    reference = run_pipeline(graph_of(make(3)), PassContext(), (FLOAT,))[0]
    samples = normal_samples(reference, 12)
    return reference, quantize(reference, samples, **options).graph, samples


def node_of(graph: Graph, name: str) -> Any:
    return next(node for node in graph.graph if node.name == name)


def by_name(report: NoiseReport) -> dict[str, LayerNoise]:
    return {layer.name: layer for layer in report.layers}


@pytest.mark.parametrize("options", [{}, {"activation_bits": 16}, {"weight_bits": 4},
                                     {"symmetric": True}])  # fmt: skip
@pytest.mark.parametrize(
    "make", [networks.residual_network, networks.dense_autoencoder, networks.inverted_residual]
)
def test_the_models_figure_is_that_of_its_outputs(
    make: Callable[[int], onnx.ModelProto], options: dict[str, Any]
) -> None:
    reference, quantized, samples = pair(make, **options)
    report = measure_layers(reference, quantized, samples)
    (wanted,), (found,) = (
        Executor(graph).run_samples(samples).values() for graph in (reference, quantized)
    )
    assert report.samples == 12
    assert report.model_db == pytest.approx(sqnr_db(wanted, found), abs=0.01)
    last = {layer.output: layer for layer in report.layers}[str(reference.graph.outputs[0].name)]
    assert last.running_db == report.model_db
    assert all(layer.own_db is None or layer.own_db >= (layer.running_db or 0) - 6
               for layer in report.layers)  # fmt: skip


def test_a_layer_with_damaged_weights_is_first_and_exact_weights_would_mend_it() -> None:
    reference, quantized, samples = pair()
    before = by_name(measure_layers(reference, quantized, samples))
    node = node_of(quantized, DAMAGED)
    weights = read_operand(node, 1)
    assert weights is not None
    overwrite(quantized.graph, node, 1, (weights.stored // 32 * 32).astype(np.int8))
    report = measure_layers(reference, quantized, samples)
    worst, after = report.layers[0], by_name(report)
    assert worst.name == DAMAGED
    assert (worst.weights_db or 0) < (before[DAMAGED].weights_db or 0) - 15
    assert worst.rounding_db == before[DAMAGED].rounding_db
    assert worst.remedies_db["exact weights"] > (worst.model_db or 0) + 10
    assert worst.remedies_db["exact output"] < (worst.model_db or 0) + 1
    for name in before.keys() - {DAMAGED}:
        assert after[name].model_db == before[name].model_db, name
    advice = advise(report, "fast", "percentile")[0]
    assert (advice.option, advice.layers[0]) == ("--effort normal", DAMAGED)
    assert advice.gain_db > 5


def test_a_range_that_is_too_narrow_saturates_and_another_would_mend_it() -> None:
    reference, quantized, samples = pair()
    scale = node_of(quantized, f"{DAMAGED}_relu").outputs[0].uses()[0].node.inputs[1]
    stored = constant_array(scale)
    assert stored is not None
    import onnx_ir as ir

    scale.const_value = ir.tensor(np.asarray(stored / 8, np.float32), name=scale.name)
    report = measure_layers(reference, quantized, samples)
    worst = report.layers[0]
    assert worst.name == DAMAGED
    assert worst.saturated > 0.1
    assert worst.seen[1] > 4 * worst.held[1]
    assert worst.remedies_db["minmax"] > (worst.model_db or 0) + 10
    assert "--ranges minmax" in [advice.option for advice in advise(report, "normal", "mse")]


def test_nothing_is_advised_that_is_done_already() -> None:
    reference, quantized, samples = pair()
    report = measure_layers(reference, quantized, samples)
    for effort, ranges in (("fast", "minmax"), ("normal", "percentile")):
        options = [advice.option for advice in advise(report, effort, ranges)]
        assert f"--ranges {ranges}" not in options
        assert effort == "fast" or "--effort normal" not in options


@pytest.mark.parametrize(
    ("options", "option"),
    [({"weight_bits": 4}, "--precision int8"), ({"narrow_layers": {DAMAGED}}, "a larger --budget")],
)
def test_4_bit_weights_that_cost_most_are_advised_against(
    options: dict[str, Any], option: str
) -> None:
    reference, quantized, samples = pair(**options)
    report = measure_layers(reference, quantized, samples)
    assert by_name(report)[DAMAGED].weight_dtype == "int4"
    assert advise(report, "fast", "percentile")[0].option == option


class Reader(HTMLParser):
    """Checks that tags close in order, and keeps what they hold."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        assert not {"src", "href", "onclick", "onload"} & {name for name, _ in attrs}

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def figure(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "dB", "kind": "computed"}


def test_names_that_look_like_html_stay_text_in_the_page() -> None:
    evil = "<script>alert('x')</script>&"
    held = {f"{what}_{end}": figure(0.0) for what in ("held", "seen") for end in ("low", "high")}
    layer = {"name": evil, "operator": "Conv", "position": 0, "model_sqnr_db": figure(9.0),
             "running_sqnr_db": figure(9.0), "saturated": figure(0.0), **held}  # fmt: skip
    advice = {"option": "--effort normal", "reason": evil, "layers": [evil], "gain_db": figure(1.0)}
    report = {"layers": [layer], "try": [advice], "samples": 3, "data": "calibration",
              "effort": "fast", "ranges": "mse", "sqnr_db": figure(9.0)}  # fmt: skip
    reader = Reader()
    reader.feed(render_page(report, evil, evil, "int8"))
    assert reader.open == []
    assert "script" not in reader.seen
    assert any(evil in text for text in reader.text)


def test_a_plot_of_nothing_is_no_plot() -> None:
    assert lines("title", ["a"], [("running", [None])]) == ""
