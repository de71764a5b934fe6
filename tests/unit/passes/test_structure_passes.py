"""Each pass on small graphs: what it makes of them, the same numbers, and a second run idle."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from graphs import Array, assert_legal, graph_of, largest_difference, operators

from edgetool.errors import ModelError, UnsupportedOperatorError, UsageError
from edgetool.graph import Graph, static_shape
from edgetool.passes import (
    PassContext,
    PassResult,
    cancel_transposes,
    canonicalise_operators,
    canonicalise_shapes,
    fix_shapes,
    fold_batchnorm,
    fold_constants,
    fold_padding,
    fold_scales,
    fuse_hardswish,
    make_gemm,
    remove_identities,
    split_hardsigmoid,
)

CONTEXT = PassContext()
RNG = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def applied(module: ModuleType, graph: Graph, within: float = 1e-5) -> PassResult:
    """Run a pass: the numbers stay, the graph is legal, a second run finds nothing."""
    before = graph.clone()
    result: PassResult = module.run(graph, CONTEXT)
    assert result.changed
    assert result.notes
    assert_legal(result.graph)
    assert largest_difference(before, result.graph) <= within
    assert not module.run(result.graph, CONTEXT).changed
    return result


STATISTICS = {
    "g": 1 + abs(normal(4)),
    "b": normal(4),
    "m": normal(4),
    "v": 0.1 + abs(normal(4)),
}


def test_fix_shapes_makes_a_dynamic_batch_one_and_infers_everything() -> None:
    graph = graph_of(
        "g (float[N,3,8,8] x) => (float[N,4,8,8] y) { c = Relu(x) y = Conv<pads=[1,1,1,1]>(c, w) }",
        {"w": normal(4, 3, 3, 3)},
    )
    result = fix_shapes.run(graph, CONTEXT)
    assert_legal(result.graph)
    assert static_shape(result.graph.graph.outputs[0]) == (1, 4, 8, 8)
    assert not fix_shapes.run(graph, CONTEXT).changed


def test_fix_shapes_names_the_input_and_dimension_that_only_the_user_can_know() -> None:
    graph = graph_of("g (float[N,3,H,224] x) => (float[N,3,H,224] y) { y = Relu(x) }")
    with pytest.raises(ModelError) as caught:
        fix_shapes.run(graph, CONTEXT)
    assert "'x'" in str(caught.value)
    assert "dimension 2" in str(caught.value)
    assert "--shape x=1,3,224,224" in str(caught.value)


def test_fix_shapes_takes_the_users_shape() -> None:
    graph = graph_of("g (float[N,3,H,W] x) => (float[N,3,H,W] y) { y = Relu(x) }")
    fix_shapes.run(graph, PassContext(shapes={"x": (1, 3, 5, 6)}))
    assert static_shape(graph.graph.outputs[0]) == (1, 3, 5, 6)


@pytest.mark.parametrize(
    ("shapes", "error"),
    [({"z": (1, 2)}, UsageError), ({"x": (1, 4)}, ModelError), ({"x": (0, 3)}, UsageError)],
)
def test_fix_shapes_refuses_shapes_that_do_not_fit(
    shapes: dict[str, tuple[int, ...]], error: type[Exception]
) -> None:
    graph = graph_of("g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }")
    with pytest.raises(error):
        fix_shapes.run(graph, PassContext(shapes=shapes))


def test_fix_shapes_follows_shape_arithmetic() -> None:
    text = """g (float[N,2,3,4] x) => (float[M,K] y) {
        s = Shape(x) n = Gather(s, zero) nn = Unsqueeze(n, axes) t = Concat<axis=0>(nn, rest) y
        = Reshape(x, t) }"""
    constants: dict[str, Array] = {
        "zero": np.array(0),
        "axes": np.array([0]),
        "rest": np.array([-1]),
    }
    graph = graph_of(text, constants)
    fix_shapes.run(graph, CONTEXT)
    assert_legal(graph)
    assert static_shape(graph.graph.outputs[0]) == (1, 24)


def test_fix_shapes_refuses_shapes_that_depend_on_the_data() -> None:
    graph = graph_of("g (float[1,4] x) => (int64[A,B] y) { y = NonZero(x) }")
    with pytest.raises(UnsupportedOperatorError, match="nonzero_0"):
        fix_shapes.run(graph, CONTEXT)


def test_fix_shapes_names_an_operator_of_another_domain() -> None:
    graph = graph_of("g (float[1,4] x) => (float[1,4] y) { y = com.example.Strange(x) }")
    with pytest.raises(UnsupportedOperatorError, match="Strange"):
        fix_shapes.run(graph, CONTEXT)


def test_fold_constants_computes_what_needs_no_input() -> None:
    graph = graph_of(
        "g (float[1,4] x) => (float[1,4] y) { c = "
        "Constant<value_floats=[1.0,2.0,3.0,4.0]>() d = Mul(c, c) y = Add(x, d) }"
    )
    assert operators(applied(fold_constants, graph, 0).graph) == ["Add"]


def test_fold_constants_leaves_quantized_weights_alone() -> None:
    text = "g (float[1,4] x) => (float[1,4] y) { w = DequantizeLinear(q, s, z) y = Add(x, w) }"
    constants = {"q": np.ones(4, np.int8), "s": np.float32(0.5), "z": np.int8(0)}
    assert not fold_constants.run(
        graph_of(text, {k: np.asarray(v) for k, v in constants.items()}), CONTEXT
    ).changed


def test_fold_constants_does_not_allocate_what_a_shape_asks_for() -> None:
    text = (
        "g (float[1] x) => (float[1] y) { big = ConstantOfShape(dims) s = ReduceMax(big) "
        "y = Add(x, s) }"
    )
    graph = graph_of(text, {"dims": np.array([1 << 20, 1 << 14])})
    assert "ConstantOfShape" in operators(fold_constants.run(graph, CONTEXT).graph)


@pytest.mark.parametrize(
    "body",
    [
        "i = Identity(x) y = Relu(i)",
        "i = Dropout(x) y = Relu(i)",
        "i = Cast<to=1>(x) y = Relu(i)",
        "i = Transpose<perm=[0,1,2,3]>(x) y = Relu(i)",
        "i = Concat<axis=1>(x) y = Relu(i)",
        "i = Pad(x, zeros) y = Relu(i)",
        "i = Reshape(x, same) y = Relu(i)",
        "i = Relu(x) y = Relu(i)",
        "i = Add(x, nothing) y = Relu(i)",
        "i = Mul(x, unit) y = Relu(i)",
        "i = MaxPool<kernel_shape=[1,1]>(x) y = Relu(i)",
        "y0 = Relu(x) y = Identity(y0)",
    ],
)
def test_remove_identities_leaves_one_relu(body: str) -> None:
    constants: dict[str, Array] = {
        "zeros": np.zeros(8, np.int64),
        "same": np.array([1, 2, 3, 4]),
        "nothing": np.zeros(1, np.float32),
        "unit": np.ones((), np.float32),
    }
    graph = graph_of(f"g (float[1,2,3,4] x) => (float[1,2,3,4] y) {{ {body} }}", constants)
    result = applied(remove_identities, graph, 0)
    assert operators(result.graph) == ["Relu"]
    assert result.graph.graph.outputs[0].name == "y"


def test_remove_identities_keeps_an_identity_from_input_to_output() -> None:
    graph = graph_of("g (float[1,2] x) => (float[1,2] y) { y = Identity(x) }")
    assert not remove_identities.run(graph, CONTEXT).changed


def test_remove_identities_reads_through_reshapes_and_moved_ones() -> None:
    text = (
        "g (float[1,4,1,1] x) => (float[1,4] y) { a = Transpose<perm=[0,2,3,1]>(x) b = "
        "Reshape(a, s) y = Flatten(b) }"
    )
    graph = graph_of(text, {"s": np.array([1, 2, 2])})
    assert operators(applied(remove_identities, graph, 0).graph) == ["Reshape"]


def test_remove_identities_drops_a_requantization_to_the_same_parameters() -> None:
    text = """g (int8[1,4] x) => (float[1,4] y) {
        a = DequantizeLinear(x, s, z) b = QuantizeLinear(a, s, z) y = DequantizeLinear(b, s, z) }"""
    constants: dict[str, Array] = {"s": np.array(0.1, np.float32), "z": np.array(3, np.int8)}
    assert operators(applied(remove_identities, graph_of(text, constants), 0).graph) == [
        "DequantizeLinear"
    ]


def test_cancel_transposes_meet_through_elementwise_operators() -> None:
    text = (
        "g (float[1,2,3,4] x) => (float[1,2,3,4] y) { a = Transpose<perm=[0,2,3,1]>(x) b "
        "= Relu(a) c = Sigmoid(b) y = Transpose<perm=[0,3,1,2]>(c) }"
    )
    assert operators(applied(cancel_transposes, graph_of(text), 0).graph) == ["Relu", "Sigmoid"]


def test_cancel_transposes_join_two_into_one() -> None:
    text = (
        "g (float[1,2,3,4] x) => (float[3,4,2,1] y) { a = Transpose<perm=[0,2,3,1]>(x) y "
        "= Transpose<perm=[1,2,3,0]>(a) }"
    )
    assert operators(applied(cancel_transposes, graph_of(text), 0).graph) == ["Transpose"]


def test_cancel_transposes_leave_what_another_node_reads() -> None:
    text = (
        "g (float[1,2,3,4] x) => (float[1,2,3,4] y, float[1,3,4,2] z) { a = "
        "Transpose<perm=[0,2,3,1]>(x) b = Relu(a) y = Transpose<perm=[0,3,1,2]>(b) z = Sigmoid(b) }"
    )
    assert not cancel_transposes.run(graph_of(text), CONTEXT).changed


def test_canonicalise_shapes_writes_reshape_and_pads() -> None:
    text = (
        'g (float[1,3,7,8] x) => (float[1,4,4,4,1] y) { c = Conv<auto_pad="SAME_UPPER", '
        "strides=[2,2]>(x, w) y = Unsqueeze(c, a) }"
    )
    graph = graph_of(text, {"w": normal(4, 3, 3, 3), "a": np.array([4])})
    result = applied(canonicalise_shapes, graph, 0)
    assert operators(result.graph) == ["Conv", "Reshape"]
    assert list(result.graph.graph[0].attributes["pads"].as_ints()) == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("y = ReduceMean<axes=[2,3]>(x)", ["GlobalAveragePool"]),
        ("y = ReduceMean<axes=[-1,2], keepdims=0>(x)", ["GlobalAveragePool", "Reshape"]),
        ("a = Relu(x) b = Sigmoid(x) y = Sum(a, b, x)", ["Relu", "Sigmoid", "Add", "Add"]),
        ("y = Max(zero, x)", ["Relu"]),
        ("a = Relu(x) y = Min(a, six)", ["Clip"]),
        ("y = Div(x, six)", ["Mul"]),
        ("y = Add(six, x)", ["Add"]),
    ],
)
def test_canonicalise_operators_has_one_spelling(body: str, wanted: list[str]) -> None:
    constants = {"zero": np.zeros((), np.float32), "six": np.array(6, np.float32)}
    shape = {"y = ReduceMean<axes=[2,3]>(x)": "1,2,1,1"}.get(body, "1,2,3,4")
    shape = "1,2" if "keepdims" in body else shape
    text = f"g (float[1,2,3,4] x) => (float[{shape}] y) {{ {body} }}"
    result = applied(canonicalise_operators, graph_of(text, constants), 1e-6)
    assert operators(result.graph) == wanted


@pytest.mark.parametrize(
    "body",
    [
        "a = Add(x, three) c = Clip(a, zero, six) m = Mul(x, c) y = Mul(m, sixth)",
        "a = Add(x, three) c = Clip(a, zero, six) d = Mul(c, sixth) y = Mul(x, d)",
        "h = HardSigmoid<alpha=0.16666667, beta=0.5>(x) y = Mul(h, x)",
    ],
)
def test_fuse_hardswish_in_any_grouping(body: str) -> None:
    numbers = {"three": 3, "zero": 0, "six": 6, "sixth": 1 / 6}
    constants = {name: np.array(number, np.float32) for name, number in numbers.items()}
    graph = graph_of(
        f"g (float[1,2,3,4] x) => (float[1,2,3,4] y) {{ {body} }}", constants, opset=13
    )
    result = applied(fuse_hardswish, graph, 1e-6)
    assert operators(result.graph) == ["HardSwish"]
    assert result.graph.opset == 14


@pytest.mark.parametrize("numbers", ["", "<alpha=0.16666667>", "<alpha=1.5, beta=-0.25>"])
def test_split_hardsigmoid_keeps_the_numbers(numbers: str) -> None:
    body = f"y = HardSigmoid{numbers}(x)"
    graph = graph_of(f"g (float[1,2,30,40] x) => (float[1,2,30,40] y) {{ {body} }}")
    result = applied(split_hardsigmoid, graph, 1e-6)
    assert operators(result.graph) == ["Add", "Clip", "Mul"]


def test_split_hardsigmoid_leaves_a_slope_that_does_not_rise_alone() -> None:
    body = "a = HardSigmoid<alpha=0.0>(x) y = HardSigmoid<alpha=-0.5>(a)"
    graph = graph_of(f"g (float[1,2] x) => (float[1,2] y) {{ {body} }}")
    assert not split_hardsigmoid.run(graph, CONTEXT).changed


def test_fuse_hardswish_leaves_other_numbers_alone() -> None:
    body = "a = Add(x, three) c = Clip(a, zero, six) m = Mul(x, c) y = Mul(m, three)"
    numbers = {"three": 3, "zero": 0, "six": 6}
    constants = {name: np.array(number, np.float32) for name, number in numbers.items()}
    graph = graph_of(f"g (float[1,2] x) => (float[1,2] y) {{ {body} }}", constants)
    assert not fuse_hardswish.run(graph, CONTEXT).changed


@pytest.mark.parametrize(
    "body",
    [
        "m = MatMul(x, w) y = Add(m, b)",
        "y = Gemm<alpha=0.5, beta=2.0>(x, w, b)",
        "m = Gemm(x, w, b) y = Add(m, b)",
        "y = Gemm(x, w, scalar)",
    ],
)
def test_make_gemm_has_one_form(body: str) -> None:
    constants = {"w": normal(5, 3), "b": normal(3), "scalar": normal(1)}
    result = applied(
        make_gemm, graph_of(f"g (float[1,5] x) => (float[1,3] y) {{ {body} }}", constants)
    )
    assert operators(result.graph) == ["Gemm"]
    assert result.graph.graph[0].name in ("matmul_0", "gemm_0")


def test_make_gemm_leaves_matmul_of_three_dimensions() -> None:
    graph = graph_of(
        "g (float[1,2,5] x) => (float[1,2,3] y) { y = MatMul(x, w) }", {"w": normal(5, 3)}
    )
    assert not make_gemm.run(graph, CONTEXT).changed


@pytest.mark.parametrize(
    ("body", "shape", "out"),
    [
        ("c = Conv<pads=[1,1,1,1]>(x, w) y = BatchNormalization(c, g, b, m, v)", (4, 3, 3, 3), 6),
        ("c = Conv(x, w, b) y = BatchNormalization(c, g, b, m, v)", (4, 3, 3, 3), 4),
        ("c = ConvTranspose(x, w) y = BatchNormalization(c, g, b, m, v)", (3, 4, 3, 3), 8),
    ],
)
def test_fold_batchnorm_keeps_outputs_within_1e_5(
    body: str, shape: tuple[int, ...], out: int
) -> None:
    text = f"g (float[1,3,6,6] x) => (float[1,4,{out},{out}] y) {{ {body} }}"
    result = applied(fold_batchnorm, graph_of(text, {"w": normal(*shape), **STATISTICS}))
    assert len(operators(result.graph)) == 1


def test_fold_batchnorm_goes_into_an_unpadded_conv_behind_it() -> None:
    text = (
        "g (float[1,4,6,6] x) => (float[1,2,4,4] y) { n = BatchNormalization(x, g, b, m, "
        "v) y = Conv(n, w) }"
    )
    result = applied(fold_batchnorm, graph_of(text, {"w": normal(2, 4, 3, 3), **STATISTICS}))
    assert operators(result.graph) == ["Conv"]


def test_fold_batchnorm_before_padding_stays_a_layer_of_its_own() -> None:
    text = (
        "g (float[1,4,6,6] x) => (float[1,2,6,6] y) { n = BatchNormalization(x, g, b, m, "
        "v) y = Conv<pads=[1,1,1,1]>(n, w) }"
    )
    result = applied(fold_batchnorm, graph_of(text, {"w": normal(2, 4, 3, 3), **STATISTICS}))
    assert operators(result.graph) == ["Conv", "Conv"]


def test_fold_batchnorm_without_a_layer_on_three_dimensions_is_mul_and_add() -> None:
    text = (
        "g (float[1,4,6] x) => (float[1,4,6] y) { n = BatchNormalization(x, g, b, m, v) "
        "y = Relu(n) }"
    )
    assert operators(applied(fold_batchnorm, graph_of(text, STATISTICS)).graph) == [
        "Mul",
        "Add",
        "Relu",
    ]


def test_fold_scales_take_constants_per_channel_into_the_layer() -> None:
    text = (
        "g (float[1,3,6,6] x) => (float[1,4,6,6] y) { c = Conv<pads=[1,1,1,1]>(x, w) d = "
        "Mul(c, f) e = Add(d, s) y = Sub(e, f) }"
    )
    constants: dict[str, Array] = {"w": normal(4, 3, 3, 3), "f": normal(4, 1, 1), "s": normal(1)}
    assert operators(applied(fold_scales, graph_of(text, constants)).graph) == ["Conv"]


def test_fold_scales_do_not_take_a_constant_per_position() -> None:
    text = (
        "g (float[1,3,6,6] x) => (float[1,4,6,6] y) { c = Conv<pads=[1,1,1,1]>(x, w) y = "
        "Mul(c, f) }"
    )
    graph = graph_of(text, {"w": normal(4, 3, 3, 3), "f": normal(1, 1, 6, 6)})
    assert not fold_scales.run(graph, CONTEXT).changed


def test_fold_padding_moves_zeros_into_the_conv_and_nothing_else() -> None:
    text = "g (float[1,3,6,6] x) => (float y) { p = Pad(x, pads, value) y = Conv(p, w) }"
    constants = {"w": normal(4, 3, 3, 3), "pads": np.array([0, 0, 1, 0, 0, 0, 2, 1])}
    zero = {**constants, "value": np.zeros((), np.float32)}
    assert operators(applied(fold_padding, graph_of(text, zero)).graph) == ["Conv"]
    one = {**constants, "value": np.ones((), np.float32)}
    assert not fold_padding.run(graph_of(text, one), CONTEXT).changed


def test_fix_shapes_refuses_ranges_that_are_computed_while_the_model_runs() -> None:
    text = """g (float[1,4] x) => (float[1,4] y) {
        s = ReduceMax<keepdims=0>(x) q = QuantizeLinear(x, s) y = DequantizeLinear(q, s) }"""
    with pytest.raises(UnsupportedOperatorError, match="quantizelinear_1"):
        fix_shapes.run(graph_of(text), CONTEXT)
