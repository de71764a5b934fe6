from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

import networks
from edgetool.errors import DataError, QuantizationError, UsageError
from edgetool.metrics import sqnr_db
from edgetool.passes import PassContext
from edgetool.passes.quantize_static import run
from qdq import QdqModel, broken_rules, graph_of, model_of, normal_samples, outputs, quantize

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
NETWORKS = [
    networks.residual_network,
    networks.dense_autoencoder,
    networks.conv1d_wakeword,
    networks.inverted_residual,
    networks.detection_head,
]
# Every operator family once, in the shapes that runtimes take.
TEXTS = {
    "moves": """
        m (float[1,4,6,6] x) => (float[1,72] y)
        <int64[2] flat = {1, 72}, int64[8] pads = {0,0,1,1,0,0,0,0}, float fill = {0.5},
         int64[1] from = {1}, int64[1] to = {6}, int64[1] axis = {2}, int64[2] halves = {2, 2}> {
            padded = Pad(x, pads, fill)
            pooled = MaxPool<kernel_shape = [2, 2], strides = [1, 1]>(padded)
            cut = Slice(pooled, from, to, axis)
            a, b = Split<axis = 1>(cut, halves)
            c = Slice(a, from, to, axis)
            moved = Transpose<perm = [0, 2, 3, 1]>(b)
            t = Transpose<perm = [0, 3, 1, 2]>(moved)
            d = Slice(t, from, to, axis)
            joined = Concat<axis = 1>(c, d)
            e = Slice(joined, from, to, axis)
            y = Reshape(e, flat)
        }""",
    "activations": """
        m (float[1,8] x) => (float[1,40] y) <float low = {-0.5}, float high = {1.5}> {
            a = LeakyRelu<alpha = 0.1>(x)
            b = HardSwish(a)
            c = Sigmoid(b)
            d = Tanh(x)
            e = Clip(x, low, high)
            f = HardSigmoid(e)
            g = Softmax(x)
            y = Concat<axis = 1>(c, d, f, g, x)
        }""",
    "arithmetic": """
        m (float[1,3,4,4] x, float[1,3,4,4] z) => (float[1,3,4,4] y)
        <float[1,3,1,1] gain = {0.5, -2.0, 1.5}, float offset = {0.25}> {
            a = Mul(x, gain)
            b = Sub(z, a)
            c = Relu(b)
            d = Add(c, offset)
            e = Add(d, x)
            f = Relu(e)
            y = Mul(f, d)
        }""",
}


def every_graph() -> list[Any]:
    made = [pytest.param(graph_of(make(11)), id=make.__name__) for make in NETWORKS]
    return made + [pytest.param(graph_of(HEADER + text), id=name) for name, text in TEXTS.items()]


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("graph", every_graph())
def test_every_rule_of_the_canonical_form_holds(graph: Any, symmetric: bool) -> None:
    found = quantize(graph, normal_samples(graph), symmetric=symmetric)
    assert found.changed
    assert broken_rules(model_of(found.graph), symmetric) == []


@pytest.mark.parametrize("method", ["minmax", "percentile", "mse"])
@pytest.mark.parametrize("graph", every_graph())
def test_outputs_stay_close_to_float(graph: Any, method: str) -> None:
    samples = normal_samples(graph)
    wanted = outputs(graph, samples)
    got = outputs(quantize(graph, samples, ranges=method).graph, samples)
    assert wanted.keys() == got.keys()
    for name, value in wanted.items():
        assert got[name].shape == value.shape
        assert sqnr_db(value, got[name]) > 25.0


def test_the_rule_check_finds_breaches() -> None:
    graph = graph_of(networks.residual_network(1))
    model = model_of(quantize(graph, normal_samples(graph)).graph)
    seen = QdqModel(model)
    for node in model.graph.node:
        if node.op_type == "Conv":
            changed = seen.dequantizer(node.input[2])
            assert changed is not None
            for tensor in model.graph.initializer:
                if tensor.name == changed.input[1]:
                    tensor.CopyFrom(
                        onnx.numpy_helper.from_array(seen.constants[tensor.name] * 2, tensor.name)
                    )
            break
    assert any("bias scale" in rule for rule in broken_rules(model))


def test_a_quantized_graph_comes_back_unchanged() -> None:
    graph = graph_of(networks.residual_network(2))
    samples = normal_samples(graph)
    once = quantize(graph, samples).graph
    text = onnx.printer.to_text(model_of(once))
    again = run(once, PassContext(calibration=samples))
    assert not again.changed
    assert onnx.printer.to_text(model_of(again.graph)) == text


def test_the_same_data_give_the_same_bytes() -> None:
    graph = graph_of(networks.inverted_residual(3))
    samples = normal_samples(graph)
    first, second = (model_of(quantize(graph, samples).graph) for _ in range(2))
    assert first.SerializeToString() == second.SerializeToString()


def test_values_are_named_after_what_they_quantize_and_outputs_keep_their_names() -> None:
    graph = graph_of(networks.dense_autoencoder(4))
    model = model_of(quantize(graph, normal_samples(graph)).graph)
    assert [value.name for value in model.graph.output] == ["dense_3"]
    assert [value.name for value in model.graph.input] == ["features"]
    names = {tensor.name for tensor in model.graph.initializer}
    assert {"features_scale", "dense_0.weight_quantized", "dense_0.bias_scale"} <= names
    assert "dense_0.weight" not in names
    made = {name for node in model.graph.node for name in node.output}
    assert {"features_quantized", "features_dequantized", "dense_3_unquantized"} <= made


def test_a_concatenation_requantizes_what_has_a_dictated_scale() -> None:
    graph = graph_of(HEADER + TEXTS["activations"])
    model = model_of(quantize(graph, normal_samples(graph)).graph)
    seen = QdqModel(model)
    concat = next(node for node in model.graph.node if node.op_type == "Concat")
    shared = {seen.of_input(name).scale.tobytes() for name in concat.input}  # type: ignore[union-attr]
    assert len(shared) == 1
    again = [name for name in concat.input if "requantized" in name]
    assert len(again) == 3  # sigmoid, tanh and softmax


def test_probabilities_alone_are_concatenated_without_requantization() -> None:
    graph = graph_of(
        HEADER
        + """m (float[1,4] x) => (float[1,8] y) {
            a = Sigmoid(x)
            b = Softmax(x)
            y = Concat<axis = 1>(a, b)
        }"""
    )
    model = model_of(quantize(graph, normal_samples(graph)).graph)
    assert sum(node.op_type == "QuantizeLinear" for node in model.graph.node) == 4
    assert broken_rules(model) == []


def test_operators_without_integer_form_stay_float_and_are_noted() -> None:
    graph = graph_of(
        HEADER
        + """m (float[1,4] x) => (float[4] y) <int64[1] flat = {4}, float[4] c = {1, 2, 3, 4}> {
            a = Add(x, c)
            b = Erf(a)
            r = Reshape(b, flat)
            y = Exp(r)
        }"""
    )
    found = quantize(graph, normal_samples(graph))
    model = model_of(found.graph)
    assert "1 of 4 operators to int8" in found.notes[0]
    assert next(note for note in found.notes if "Erf" in note).endswith("no integer form")
    assert any("Reshape" in note and "only float operators" in note for note in found.notes)
    producers = {name: node.op_type for node in model.graph.node for name in node.output}
    erf = next(node for node in model.graph.node if node.op_type == "Erf")
    assert producers[erf.input[0]] == "DequantizeLinear"
    assert producers[model.graph.output[0].name] == "Exp"


def test_a_graph_of_nothing_but_float_operators_comes_back_unchanged() -> None:
    graph = graph_of(HEADER + "m (float[1,4] x) => (float[1,4] y) { y = Erf(x) }")
    found = quantize(graph, normal_samples(graph))
    assert not found.changed
    assert "stays float" in found.notes[0]


def test_an_activation_with_other_readers_is_not_fused() -> None:
    graph = graph_of(
        HEADER
        + """m (float[1,4] x) => (float[1,4] y, float[1,4] z) <float[4] c = {1, 2, 3, 4}> {
            y = Add(x, c)
            z = Relu(y)
        }"""
    )
    samples = normal_samples(graph)
    model = model_of(quantize(graph, samples).graph)
    seen = QdqModel(model)
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    assert seen.dequantizer(relu.input[0]) is not None
    assert {value.name for value in model.graph.output} == {"y", "z"}


def test_zero_is_exact_even_where_activations_are_far_from_it() -> None:
    graph = graph_of(
        HEADER + "m (float[1,2] x) => (float[1,2] y) <float c = {100}> { y = Add(x, c) }"
    )
    samples = normal_samples(graph)
    seen = QdqModel(model_of(quantize(graph, samples).graph))
    found = seen.of_output("y_unquantized")
    assert found is not None
    low = (-128 - int(found.zero_point)) * float(found.scale)
    assert low <= 0.0 <= (127 - int(found.zero_point)) * float(found.scale)


def test_a_bias_beyond_int32_raises_the_weight_scale_and_says_so() -> None:
    model = networks.dense_autoencoder(5)
    change(model, "dense_1.weight", lambda w: w * np.float32(1e-9))
    graph = graph_of(model)
    samples = normal_samples(graph)
    found = quantize(graph, samples)
    assert broken_rules(model_of(found.graph)) == []
    assert any("dense_1" in n and "bias fits int32" in n for n in found.notes)
    name = graph.graph.outputs[0].name or ""
    assert sqnr_db(outputs(graph, samples)[name], outputs(found.graph, samples)[name]) > 30


def test_constant_activations_collapse_to_a_usable_scale_with_a_note() -> None:
    model = networks.dense_autoencoder(6)
    change(model, "dense_1.weight", lambda w: w * 0)
    change(model, "dense_1.bias", lambda b: b * 0)
    graph = graph_of(model)
    found = quantize(graph, normal_samples(graph))
    assert broken_rules(model_of(found.graph)) == []
    assert any("'dense_1_relu' is 0 in every sample" in note for note in found.notes)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("value", [3.7, -0.3])
def test_an_activation_of_one_value_is_kept_exactly_and_said(value: float, symmetric: bool) -> None:
    graph = graph_of(
        HEADER
        + f"""m (float[1,2] x) => (float[1,2] y)
        <float[2] none = {{0, 0}}, float c = {{{value}}}> {{
            nothing = Mul(x, none)
            constant = Add(nothing, c)
            y = Add(x, constant)
        }}"""
    )
    found = quantize(graph, normal_samples(graph), symmetric=symmetric)
    assert any(f"'constant' is {value} in every sample, kept exactly" in n for n in found.notes)
    assert any("'nothing' is 0 in every sample" in n for n in found.notes)
    seen = QdqModel(model_of(found.graph)).of_output("constant")
    assert seen is not None
    code = np.rint(value / seen.scale) + seen.zero_point
    assert (code - seen.zero_point) * seen.scale == pytest.approx(value, rel=1e-6)
    assert -128 <= code <= 127


def test_symmetric_activations_report_what_they_cost() -> None:
    graph = graph_of(networks.residual_network(7))
    found = quantize(graph, normal_samples(graph), symmetric=True)
    assert any("zero point 0 costs 6.1 dB" in note for note in found.notes)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bias_that_is_not_finite_is_named_with_its_layer(value: float) -> None:
    model = networks.residual_network(8)
    change(model, "block2_shortcut.bias", lambda bias: np.full_like(bias, value))
    graph = graph_of(model)
    named = r"bias values 'block2_shortcut.bias' of layer block2_shortcut \(Conv\) hold "
    with pytest.raises(QuantizationError, match=named):
        quantize(graph, normal_samples(graph))


def test_weights_that_are_not_finite_are_named_where_an_activation_hides_them() -> None:
    model = onnx.parser.parse_model(
        HEADER
        + """m (float[1,1] x) => (float[1,1] y)
        <float[1,1] weight = {1}, float low = {0}, float high = {6}> {
            product = Gemm(x, weight)
            y = Clip(product, low, high)
        }"""
    )
    change(model, "weight", lambda weight: weight * np.float32(np.inf))
    graph = graph_of(model)
    with pytest.raises(QuantizationError, match=r"weights 'weight' of .* hold inf at \(0, 0\)"):
        quantize(graph, normal_samples(graph))


def test_activations_that_overflow_name_tensor_and_sample() -> None:
    graph = graph_of(networks.dense_autoencoder(9))
    samples = normal_samples(graph)
    samples["features"][5] = 3e38
    named = r"activation 'dense_\d(_relu)?' of layer dense_\d.* sample 5"
    with pytest.raises(QuantizationError, match=named):
        quantize(graph, samples)


def test_progress_is_reported_to_the_last_sample() -> None:
    graph, calls = graph_of(networks.dense_autoencoder(10)), list[tuple[int, int, str]]()
    quantize(graph, normal_samples(graph), progress=lambda *report: calls.append(report))
    assert calls[0][1:] == (24, "calibrate")
    assert calls[-1] == (24, 24, "calibrate")


def test_without_calibration_data_int8_is_refused_with_how_to_give_some() -> None:
    graph = graph_of(networks.dense_autoencoder(11))
    with pytest.raises(DataError, match=r"--calibrate samples\.npz"):
        run(graph, PassContext())


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({}, "nothing for input 'features'"),
        ({"features": np.zeros((0, 40), np.float32)}, "no samples"),
    ],
)
def test_calibration_data_that_do_not_fit_are_refused(
    samples: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        quantize(graph_of(networks.dense_autoencoder(12)), samples)


def test_an_old_opset_and_an_unknown_method_are_refused() -> None:
    old = graph_of(
        '<ir_version: 7, opset_import: ["" : 12]> m (float[1,4] x) => (float[1,4] y) {y = Relu(x)}'
    )
    with pytest.raises(QuantizationError, match="opset 12"):
        quantize(old, normal_samples(old))
    with pytest.raises(UsageError, match="'median' is not known"):
        quantize(old, normal_samples(old), ranges="median")


def change(model: onnx.ModelProto, name: str, edit: Callable[[Any], Any]) -> None:
    """Replace an initializer by edit of its array."""
    for tensor in model.graph.initializer:
        if tensor.name == name:
            array = edit(onnx.numpy_helper.to_array(tensor).copy())
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, name))
