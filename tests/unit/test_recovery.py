"""Equalization and rounding by outputs: exact where they must be, else closer to float."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

import networks
from edgetool.graph import Graph
from edgetool.graph.execute import Executor
from edgetool.graph.operands import read_operand
from edgetool.graph.stepwise import Stepwise
from edgetool.metrics import sqnr_db
from edgetool.passes import PassContext, equalize_channels, reconstruct_weights
from edgetool.passes.equalize_channels import find_sites
from edgetool.pipeline import FLOAT, QUANTIZE, run_pipeline
from edgetool.quantization.equalization import (
    WIDEST,
    EqualizationProblem,
    ReaderWeights,
    best_factors,
)
from edgetool.quantization.patches import convolution_patches
from edgetool.quantization.weight_rounding import damped, round_by_error
from qdq import broken_rules, graph_of, model_of, normal_samples, quantize

Array = NDArray[Any]
NETWORKS: list[Callable[[int], onnx.ModelProto]] = [
    networks.residual_network,
    networks.dense_autoencoder,
    networks.conv1d_wakeword,
    networks.inverted_residual,
    networks.detection_head,
]


def prepared(model: onnx.ModelProto) -> Graph:
    """The float graph after all passes that come before quantization."""
    return run_pipeline(graph_of(model), PassContext(), (FLOAT,))[0]


def outputs(graph: Graph, samples: dict[str, Array]) -> Array:
    found = Executor(graph).run_samples(samples)
    return np.concatenate([array.reshape(len(array), -1) for array in found.values()], axis=1)


def correlated(rng: np.random.Generator, groups: int, k: int) -> Array:
    factors = rng.standard_normal((groups, 4 * k, k)) @ rng.standard_normal((groups, k, k))
    return np.asarray(np.swapaxes(factors, 1, 2) @ factors / (4 * k))


def error(codes: Array, weights: Array, scale: Array, covariance: Array) -> float:
    missed = codes * scale[:, :, None] - weights
    return float(np.einsum("goi,gij,goj->", missed, covariance, missed))


@pytest.mark.parametrize("k", [1, 9, 70, 150])
def test_rounding_by_error_leaves_less_of_it_than_rounding_each_weight(k: int) -> None:
    rng = np.random.default_rng(k)
    weights, scale = rng.standard_normal((2, 8, k)), np.full((2, 8), 3 / 127)
    covariance = damped(correlated(rng, 2, k))
    codes = round_by_error(weights, scale, covariance)
    plain = np.clip(np.rint(weights / scale[:, :, None]), -127, 127)
    ours, theirs = (error(c, weights, scale, covariance) for c in (codes, plain))
    assert ours < 0.8 * theirs if k > 1 else ours == pytest.approx(theirs)


def test_inputs_that_do_not_go_together_give_plain_rounding() -> None:
    rng = np.random.default_rng(0)
    weights, scale = rng.standard_normal((3, 5, 20)), rng.uniform(0.01, 0.02, (3, 5))
    covariance = np.stack([np.diag(rng.uniform(0.1, 9, 20)) for _ in range(3)])
    expected = np.clip(np.rint(weights / scale[:, :, None]), -127, 127)
    np.testing.assert_array_equal(round_by_error(weights, scale, covariance), expected)


@given(st.integers(1, 12), st.sampled_from([7, 127]), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_codes_stay_within_the_limit_and_keep_what_is_on_the_grid(
    k: int, limit: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-limit, limit + 1, (2, 3, k))
    covariance = damped(correlated(rng, 2, k))
    kept = round_by_error(codes * 0.5, np.full((2, 3), 0.5), covariance, limit)
    np.testing.assert_array_equal(kept, codes)
    wild = round_by_error(50 * rng.standard_normal((2, 3, k)), np.ones((2, 3)), covariance, limit)
    assert np.abs(wild.astype(np.int64)).max() <= limit


@given(
    st.sampled_from([(1, 1), (3, 3), (3, 2), (5, 1)]),
    st.integers(1, 3),
    st.integers(1, 2),
    st.sampled_from([(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 2, 0)]),
    st.sampled_from([1, 2, 4]),
)
@settings(max_examples=25, deadline=None)
def test_patches_times_weights_is_the_convolution(
    kernel: tuple[int, int], stride: int, dilation: int, pads: tuple[int, ...], groups: int
) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 4, 11, 12)).astype(np.float32)
    weights = rng.standard_normal((8, 4 // groups, *kernel)).astype(np.float32)
    attributes = {"strides": [stride] * 2, "dilations": [dilation] * 2, "pads": list(pads)}
    proto = onnx.helper.make_node("Conv", ["x", "w"], ["y"], group=groups, **attributes)
    evaluator = ReferenceEvaluator(proto)
    (expected,) = evaluator.run(None, {"x": x, "w": weights})
    node = ir.serde.deserialize_node(proto)
    rows = convolution_patches(node, x, kernel, expected.shape[2:]).reshape(
        -1, groups, 4 // groups, *kernel
    )
    grouped = weights.reshape(groups, -1, *weights.shape[1:])
    found = np.einsum("pgckl,gockl->pgo", rows, grouped).reshape(len(rows), 8)
    np.testing.assert_allclose(found, np.moveaxis(expected, 1, -1).reshape(-1, 8), atol=1e-4)


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize("quantized", [False, True])
def test_stepwise_gives_the_outputs_of_a_whole_run(
    make: Callable[[int], onnx.ModelProto], quantized: bool
) -> None:
    graph = prepared(make(4))
    samples = normal_samples(graph, 5)
    graph = quantize(graph, samples).graph if quantized else graph
    values = Stepwise(graph, samples)
    for _ in values.nodes():
        pass
    for value, expected in zip(
        graph.graph.outputs, Executor(graph).run_samples(samples).values(), strict=True
    ):
        np.testing.assert_allclose(np.stack(values.value(value)), expected, atol=1e-5)


@pytest.mark.parametrize("make", NETWORKS)
def test_equalizing_keeps_the_float_outputs(make: Callable[[int], onnx.ModelProto]) -> None:
    graph = prepared(make(5))
    samples = normal_samples(graph)
    context = PassContext(calibration=samples, options={"effort": "normal"})
    found = equalize_channels.run(graph.clone(), context)
    np.testing.assert_allclose(
        outputs(found.graph, samples), outputs(graph, samples), rtol=1e-3, atol=1e-4
    )
    assert found.changed == bool(found.notes)


def unequal_pair(groups: int, activation: str = "Relu (a)") -> Graph:
    """Two layers with a Relu or Clip between them, whose channels differ a hundredfold."""
    rng = np.random.default_rng(6)
    gains = np.geomspace(0.01, 1, 8).astype(np.float32).reshape(8, 1, 1, 1)
    first = rng.standard_normal((8, 3, 1, 1)).astype(np.float32) * gains
    second = rng.standard_normal((8, 8 // groups, 3, 3)).astype(np.float32)
    second /= gains[:, :, :, :] if groups == 8 else gains.reshape(1, 8, 1, 1)
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
    g (float[1, 3, 9, 9] x) => (float[1, 8, 7, 7] y)
    <float low = {{0.0}}, float high = {{6.0}}, float negative = {{-1.0}}> {{
        a = Conv (x, first)
        b = {activation}
        y = Conv <group: int = {groups}> (b, second)
    }}"""
    model = onnx.parser.parse_model(text)
    for name, array in (("first", first), ("second", second)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    for index, node in enumerate(model.graph.node):
        node.name = f"node_{index}"
    return graph_of(model)


@pytest.mark.parametrize("activation", ["Relu (a)", "Clip (a, low, high)"])
@pytest.mark.parametrize("groups", [1, 8])
def test_equalizing_makes_unequal_channels_cheap(groups: int, activation: str) -> None:
    graph = unequal_pair(groups, activation)
    samples = normal_samples(graph, 40)
    wanted = outputs(graph, samples)
    plain = outputs(quantize(graph, samples, ranges="minmax").graph, samples)
    context = PassContext(calibration=samples, options={"effort": "normal"})
    equal = equalize_channels.run(graph.clone(), context).graph
    equalized = outputs(quantize(equal, samples, ranges="minmax").graph, samples)
    assert sqnr_db(wanted, equalized) > sqnr_db(wanted, plain) + 6


def test_a_clip_cuts_off_nothing_more_of_the_samples_when_channels_grow() -> None:
    graph = unequal_pair(8, "Clip (a, low, high)")
    samples = {name: 3 * array for name, array in normal_samples(graph, 40).items()}
    context = PassContext(calibration=samples, options={"effort": "normal"})
    equal = equalize_channels.run(graph.clone(), context)
    assert equal.changed
    wanted = outputs(graph, samples)
    tolerance = 1e-5 * float(np.abs(wanted).max())
    np.testing.assert_allclose(outputs(equal.graph, samples), wanted, rtol=0, atol=tolerance)


def test_a_clip_from_below_zero_and_a_residual_addition_are_left_alone() -> None:
    assert find_sites(unequal_pair(1, "Clip (a, negative, high)").graph) == []
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[1, 3, 5, 5] x) => (float[1, 3, 5, 5] y)
    <float low = {-1.0}, float high = {6.0}, float[3, 3, 1, 1] w> {
        a = Conv (x, w)
        b = Clip (a, low, high)
        c = Conv (b, w)
        d = Relu (c)
        e = Conv (d, w)
        y = Add (d, e)
    }"""
    model = onnx.parser.parse_model(text)
    weights = np.ones((3, 3, 1, 1), np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    assert find_sites(graph_of(model).graph) == []


@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_chosen_factors_never_raise_the_predicted_noise(
    seed: int, shared: bool, per_output: bool
) -> None:
    rng = np.random.default_rng(seed)
    largest = np.exp(3 * rng.standard_normal(6)) * (rng.random(6) > 0.2)
    problem = EqualizationProblem(
        largest,
        (largest / 3) ** 2,
        two_sided=False,
        readers=(ReaderWeights(np.abs(rng.standard_normal((4, 6, 3))), per_output),),
        maker_largest=np.exp(rng.standard_normal(6)) if shared else None,
        maker_energy=1.0,
    )
    factors, gain_db = best_factors(problem)
    assert gain_db >= 0
    assert factors.max() == 1.0
    assert factors.min() >= 1 / WIDEST


def normal_effort(graph: Graph, samples: dict[str, Array], **options: Any) -> tuple[Graph, Graph]:
    """(quantized as effort fast does it, the same with weights and biases reconstructed)."""
    plain = quantize(graph, samples, **options).graph
    context = PassContext(samples, options={"effort": "normal", **options}, float_graph=graph)
    return plain, reconstruct_weights.run(plain.clone(), context).graph


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize(
    "options", [{}, {"symmetric": True}, {"activation_bits": 16}, {"weight_bits": 4}]
)
def test_reconstruction_changes_integers_alone_and_for_the_better(
    make: Callable[[int], onnx.ModelProto], options: dict[str, Any]
) -> None:
    graph = prepared(make(8))
    samples, others = normal_samples(graph, 64), normal_samples(graph, 64, seed=9)
    plain, rounded = normal_effort(graph, samples, **options)
    if options.keys() <= {"symmetric"}:
        assert broken_rules(model_of(rounded), bool(options)) == []
    theirs, ours = (
        {name: value.const_value.numpy() for name, value in g.graph.initializers.items()}  # type: ignore[union-attr]
        for g in (plain, rounded)
    )
    assert theirs.keys() == ours.keys()
    changed = {name for name in theirs if not np.array_equal(theirs[name], ours[name])}
    assert changed
    assert all("int" in theirs[name].dtype.name for name in changed)
    wanted = outputs(graph, others)
    before, after = (sqnr_db(wanted, outputs(g, others)) for g in (plain, rounded))
    assert after > before - 0.5


def test_reconstruction_makes_up_for_a_biased_layer() -> None:
    graph = unequal_pair(1)
    samples = normal_samples(graph, 64)
    plain, rounded = normal_effort(graph, samples)
    wanted = outputs(graph, samples)
    before, after = (sqnr_db(wanted, outputs(g, samples)) for g in (plain, rounded))
    assert after > before + 1


def test_fast_effort_and_quantized_models_keep_their_integers() -> None:
    graph = prepared(networks.residual_network(3))
    samples = normal_samples(graph)
    quantized = quantize(graph, samples).graph
    for context in (
        PassContext(samples, options={"effort": "fast"}, float_graph=graph),
        PassContext(samples, options={"effort": "normal"}),
    ):
        assert not reconstruct_weights.run(quantized.clone(), context).changed
    _, reports = run_pipeline(
        quantized, PassContext(samples, options={"effort": "normal"}), (QUANTIZE,)
    )
    assert [r.name for r in reports if r.changed] in ([], ["fold_constant_channels"])


def test_every_recovery_pass_reports_what_it_did() -> None:
    graph = prepared(networks.inverted_residual(3))
    context = PassContext(normal_samples(graph), options={"effort": "normal"})
    _, reports = run_pipeline(graph, context, (QUANTIZE,))
    found = {report.name: report for report in reports}
    assert "rounded by their outputs over 24 samples" in found["reconstruct_weights"].notes[0]
    assert found["reconstruct_weights"].cost is not None
    assert found["reconstruct_weights"].seconds > 0


def test_layers_with_a_very_long_sum_keep_their_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconstruct_weights, "MOST_INPUTS", 8)
    graph = prepared(networks.dense_autoencoder(3))
    samples = normal_samples(graph)
    context = PassContext(samples, options={"effort": "normal"}, float_graph=graph)
    found = reconstruct_weights.run(quantize(graph, samples).graph, context)
    assert any("keeps its rounding" in note for note in found.notes) or not found.changed
    node = next(n for n in found.graph.graph if n.op_type == "Gemm")
    assert read_operand(node, 1) is not None
