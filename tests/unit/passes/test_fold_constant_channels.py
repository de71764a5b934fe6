"""Constant channels go, exactly: the right ones, and with the same outputs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graphs import Array, assert_legal, graph_of, largest_difference
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetool.graph import Graph, constant_array
from edgetool.graph.execute import Executor
from edgetool.graph.operands import read_operand
from edgetool.passes import PassContext, fold_constant_channels, quantize_static
from edgetool.program.boundary import to_program
from edgetool.program.executor import execute
from edgetool.program.lowering import lower
from networks import separable_network

CONTEXT = PassContext()
RNG = np.random.default_rng(11)


def normal(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def widths(graph: Graph) -> dict[str, int]:
    """Output channels of each Conv."""
    found = {}
    for node in graph.graph:
        operand = read_operand(node, 1) if node.op_type == "Conv" else None
        if operand is not None:
            found[str(node.name)] = operand.real.shape[0]
    return found


def removed(before: Graph, after: Graph) -> dict[str, int]:
    left = widths(after)
    gone = {name: width - left[name] for name, width in widths(before).items()}
    return {name: count for name, count in gone.items() if count}


def folded(graph: Graph) -> Graph:
    """The pass on a copy; the result is legal and a second run finds nothing."""
    result = fold_constant_channels.run(graph.clone(), CONTEXT)
    assert_legal(result.graph)
    assert not fold_constant_channels.run(result.graph, CONTEXT).changed
    return result.graph


def calibration(graph: Graph, count: int = 8) -> dict[str, Array]:
    rng = np.random.default_rng(5)
    shapes = {str(v.name): tuple(int(d) for d in v.shape or ())[1:] for v in graph.graph.inputs}  # type: ignore[arg-type]
    return {n: rng.standard_normal((count, *s)).astype(np.float32) for n, s in shapes.items()}


def quantized(graph: Graph) -> Graph:
    context = PassContext(calibration=calibration(graph))
    return quantize_static.run(graph.clone(), context).graph


def assert_same_bits(before: Graph, after: Graph, *, steps: int = 0) -> None:
    """In the integers of the Program, and in onnxruntime without graph optimisation.

    onnxruntime rounds once and sums in float32: it may have had another constant than the
    Program, whose constant is what goes into the bias.
    steps: how many steps of 1/256 its outputs may be off for that reason.
    """
    samples = calibration(before, 16)
    programs = [lower(graph, "net") for graph in (before, after)]
    # Layers are lowered under the same names, so the Programs' outputs compare by name.
    one, other = (execute(program, to_program(program, samples)) for program in programs)
    for name, wanted in one.items():
        assert np.array_equal(wanted, other[name])
    first, second = (Executor(graph).run_samples(samples) for graph in (before, after))
    for name, wanted in first.items():
        assert abs(wanted - second[name]).max() <= steps / 256


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("dead", [0, 1, 3, 6])
@pytest.mark.parametrize("seed", range(3))
def test_known_dead_channels_go_and_no_others(seed: int, dead: int, padded: bool) -> None:
    network = separable_network(seed, dead, padded=padded)
    before = graph_of(network.model)
    after = folded(before)
    wanted = {layer: len(channels) for layer, channels in network.removable.items()}
    assert removed(before, after) == wanted
    assert largest_difference(before, after) <= 1e-5


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(("seed", "dead"), [(0, 0), (0, 1), (0, 3), (1, 6), (4, 6)])
def test_known_dead_channels_go_from_a_quantized_graph_without_a_changed_bit(
    seed: int, dead: int, padded: bool
) -> None:
    network = separable_network(seed, dead, padded=padded)
    before = quantized(graph_of(network.model))
    after = folded(before)
    wanted = {layer: len(channels) for layer, channels in network.removable.items()}
    assert removed(before, after) == wanted
    assert_same_bits(before, after)


@settings(max_examples=12)
@given(st.integers(100, 10_000), st.integers(0, 6), st.booleans())
def test_folding_a_quantized_graph_never_changes_a_bit(seed: int, dead: int, padded: bool) -> None:
    network = separable_network(seed, dead, padded=padded)
    before = quantized(graph_of(network.model))
    after = folded(before)
    allowed = {layer: len(channels) for layer, channels in network.removable.items()}
    # A constant that a later rescaling may round either way keeps its channel: never more go.
    assert all(count <= allowed.get(layer, 0) for layer, count in removed(before, after).items())
    assert_same_bits(before, after, steps=4)


RESIDUAL = """g (float[1,3,8,8] x) => (float[1,2,8,8] y) {
    a0 = Conv<pads=[1,1,1,1]>(x, wa, ba) a = Relu(a0)
    b0 = Conv<pads=[1,1,1,1]>(a, wb, bb) s = Add(a, b0) r = Relu(s)
    y = Conv(r, wc) }"""


def residual(first_dead: bool, second_dead: bool) -> Graph:
    """Channel 1 of conv_0 and of conv_2 have zero weights, or not."""
    constants = {"wa": normal(4, 3, 3, 3), "ba": abs(normal(4)), "wb": normal(4, 4, 3, 3)}
    constants |= {"bb": abs(normal(4)), "wc": normal(2, 4, 1, 1)}
    for dead, name in ((first_dead, "a"), (second_dead, "b")):
        if dead:
            constants[f"w{name}"][1] = 0
            constants[f"b{name}"][1] = 0
    return graph_of(RESIDUAL, constants)


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (True, True, {"conv_0": 1, "conv_2": 1}),
        (True, False, {}),
        (False, True, {}),
        (False, False, {}),
    ],
)
def test_a_residual_sum_loses_a_channel_only_with_both_branches(
    first: bool, second: bool, wanted: dict[str, int]
) -> None:
    before = residual(first, second)
    after = folded(before)
    assert removed(before, after) == wanted
    assert largest_difference(before, after) <= 1e-5
    integers = quantized(before)
    assert removed(integers, folded(integers)) == wanted
    assert_same_bits(integers, folded(integers))


def test_channels_go_through_concat_pool_and_flatten_into_a_dense_layer() -> None:
    text = """g (float[1,3,8,8] x) => (float[1,5] y) {
        a = Conv(x, wa, ba) ar = Relu(a) b = Conv(x, wb, bb) br = Relu(b)
        c = Concat<axis=1>(ar, br) p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(c)
        f = Flatten(p) y = Gemm<transB=1>(f, wd, bd) }"""
    constants = {"wa": normal(4, 3, 3, 3), "ba": normal(4), "wb": normal(3, 3, 3, 3)}
    constants |= {"bb": normal(3), "wd": normal(5, 63), "bd": normal(5)}
    constants["wa"][2], constants["wb"][0] = 0, 0
    constants["ba"][2], constants["bb"][0] = 0.7, -0.7
    before = graph_of(text, constants)
    after = folded(before)
    assert removed(before, after) == {"conv_0": 1, "conv_2": 1}
    assert largest_difference(before, after) <= 1e-5
    weights = constant_array(after.graph[-1].inputs[1])
    assert weights is not None
    assert weights.shape == (5, 45)
    integers = quantized(before)
    assert removed(integers, folded(integers)) == {"conv_0": 1, "conv_2": 1}
    assert_same_bits(integers, folded(integers))


@pytest.mark.parametrize(
    ("bias", "pads", "wanted"),
    [(0.5, 0, 1), (0.5, 1, 0), (0.0, 1, 1), (-0.5, 1, 1), (9.0, 0, 1), (9.0, 1, 0)],
)
def test_padding_keeps_constants_other_than_zero(bias: float, pads: int, wanted: int) -> None:
    size = 6 + 2 * pads
    text = f"""g (float[1,2,8,8] x) => (float[1,3,{size - 2},{size - 2}] y) {{
        a = Conv(x, wa, ba) r = Clip(a, low, high) y =
        Conv<pads=[{pads},{pads},{pads},{pads}]>(r, wb) }}"""
    constants = {"wa": normal(4, 2, 3, 3), "ba": normal(4), "wb": normal(3, 4, 3, 3)}
    constants |= {"low": np.zeros((), np.float32), "high": np.array(6, np.float32)}
    constants["wa"][3], constants["ba"][3] = 0, bias
    before = graph_of(text, constants)
    after = folded(before)
    assert removed(before, after) == ({"conv_0": wanted} if wanted else {})
    assert largest_difference(before, after) <= 1e-5


def test_graph_outputs_keep_their_channels() -> None:
    text = "g (float[1,2,8,8] x) => (float[1,4,6,6] y) { a = Conv(x, w) y = Relu(a) }"
    weights = normal(4, 2, 3, 3)
    weights[1] = 0
    assert not fold_constant_channels.run(graph_of(text, {"w": weights}), CONTEXT).changed


def test_a_layer_of_nothing_but_constants_keeps_one_channel() -> None:
    text = "g (float[1,2,8,8] x) => (float[1,2,6,6] y) { a = Conv(x, wa, ba) y = Conv(a, wb) }"
    constants = {"wa": np.zeros((4, 2, 3, 3), np.float32), "ba": normal(4)}
    before = graph_of(text, {**constants, "wb": normal(2, 4, 1, 1)})
    after = folded(before)
    assert widths(after)["conv_0"] == 1
    assert largest_difference(before, after) <= 1e-5


def test_weights_that_two_layers_share_are_not_cut_for_both() -> None:
    text = """g (float[1,4,8,8] x) => (float[1,4,6,6] y, float[1,4,4,4] z) {
        y = Conv(x, w) a = Conv(x, v) r = Relu(a) z = Conv(r, w) }"""
    constants = {"w": normal(4, 4, 3, 3), "v": normal(4, 4, 3, 3)}
    constants["v"][0] = 0
    before = graph_of(text, constants)
    after = folded(before)
    assert removed(before, after) == {"conv_1": 1}
    assert largest_difference(before, after) <= 1e-5


def test_a_depthwise_multiplier_keeps_or_loses_all_its_outputs() -> None:
    text = """g (float[1,2,8,8] x) => (float[1,2,6,6] y) {
        a = Conv(x, wa, ba) r = Relu(a) d = Conv<group=3>(r, wd) y = Conv(d, wb) }"""
    constants = {"wa": normal(3, 2, 3, 3), "ba": normal(3), "wd": normal(6, 1, 1, 1)}
    constants["wa"][1], constants["ba"][1] = 0, -1
    before = graph_of(text, {**constants, "wb": normal(2, 6, 1, 1)})
    after = folded(before)
    assert removed(before, after) == {"conv_0": 1, "conv_2": 2}
    assert largest_difference(before, after) <= 1e-5


def test_a_gate_per_channel_takes_its_channels_along() -> None:
    text = """g (float[1,2,8,8] x) => (float[1,2,6,6] y) {
        a = Conv(x, wa, ba) r = Relu(a) p = GlobalAveragePool(r) h = Conv(p, wg) s = Sigmoid(h)
        m = Mul(r, s) y = Conv(m, wb) }"""
    constants = {"wa": normal(4, 2, 3, 3), "ba": normal(4), "wg": normal(4, 4, 1, 1)}
    constants["wa"][1], constants["ba"][1] = 0, -1
    before = graph_of(text, {**constants, "wb": normal(2, 4, 1, 1)})
    after = folded(before)
    assert removed(before, after) == {"conv_0": 1, "conv_3": 1}
    assert largest_difference(before, after) <= 1e-5


def test_an_integer_bias_that_would_overflow_keeps_the_channel() -> None:
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (int8[1,2,4,4] x) => (int8[1,1,4,4] y) {
            xd = DequantizeLinear(x, s, z) wd = DequantizeLinear(w, s, z) bd =
            DequantizeLinear(b, sb, zb)
            a = Conv(xd, wd, bd) aq = QuantizeLinear(a, s, z) ad = DequantizeLinear(aq, s, z)
            vd = DequantizeLinear(v, s, z) cd = DequantizeLinear(c, sb, zb)
            o = Conv(ad, vd, cd) y = QuantizeLinear(o, s, z) }""")
    constants: dict[str, Array] = {
        "s": np.array(0.5, np.float32),
        "sb": np.array(0.25, np.float32),
        "z": np.array(0, np.int8),
        "zb": np.array(0, np.int32),
        "w": np.array([[3, 1], [0, 0]], np.int8).reshape(2, 2, 1, 1),
        "b": np.array([0, 40], np.int32),
        "v": np.array([[1, 127]], np.int8).reshape(1, 2, 1, 1),
        "c": np.array([2**31 - 5], np.int32),
    }
    model.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in constants.items())
    assert not fold_constant_channels.run(graph_of(model), CONTEXT).changed
    constants["c"][:] = 7
    del model.graph.initializer[:]
    model.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in constants.items())
    before = graph_of(model)
    after = folded(before)
    assert list(removed(before, after).values()) == [1]
    assert largest_difference(before, after) == 0


def test_notes_name_the_layer_and_what_it_saves() -> None:
    network = separable_network(1, 3)
    result = fold_constant_channels.run(graph_of(network.model), CONTEXT)
    text = "\n".join(result.notes)
    assert "conv_stem: of 10 channels 3 constant, folded; weights −336 B, MACs −11,664" in text
    assert "all layers: weights" in text


def test_channels_that_nothing_reads_go_and_are_called_so() -> None:
    text = "g (float[1,2,8,8] x) => (float[1,2,6,6] y) { a = Conv(x, wa) y = Conv(a, wb) }"
    constants = {"wa": normal(4, 2, 3, 3), "wb": normal(2, 4, 1, 1)}
    constants["wb"][:, 2] = 0
    before = graph_of(text, constants)
    result = fold_constant_channels.run(before.clone(), CONTEXT)
    assert removed(before, result.graph) == {"conv_0": 1}
    assert result.notes[0].startswith("conv_0: of 4 channels 1 never read, folded")
    assert largest_difference(before, result.graph) <= 1e-5
