"""Property tests: a quantized layer is off by no more than its steps allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from qdq import QdqModel, broken_rules, graph_of, model_of, normal_samples, outputs, quantize

EXAMPLES = 25


def one_layer(op_type: str, constants: list[Any], shape: list[int], **attributes: Any) -> Any:
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(op_type, ["x", *names], ["y"], name="layer", **attributes)
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(c, n) for c, n in zip(constants, names, strict=True)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def expected_error(model: onnx.ModelProto, weights: Any, terms: int) -> float:
    """Root mean square error of y if each rounding is off by uniform noise of its step.

    weights: (channels, …) with the terms of a sum in the rest; samples have variance 1.
    """
    seen = QdqModel(model)
    layer = next(node for node in model.graph.node if node.name == "layer")
    entering, leaving = seen.of_input(layer.input[0]), seen.of_output(seen.after_clamp(layer))
    steps = seen.of_input(layer.input[1])
    assert entering is not None
    assert leaving is not None
    assert steps is not None
    energy = float((weights.reshape(len(weights), -1) ** 2).sum(axis=1).max())
    from_input = energy * float(entering.scale) ** 2
    from_weights = terms * float(steps.scale.max()) ** 2
    return float(np.sqrt((float(leaving.scale) ** 2 + from_input + from_weights) / 12))


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_convolutions_of_any_geometry_are_off_by_no_more_than_their_steps(
    data: st.DataObject,
) -> None:
    group = data.draw(st.sampled_from([1, 2, 4]), "group")
    channels = (group * data.draw(st.integers(1, 3)), group * data.draw(st.integers(1, 3)))
    kernel = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)), "kernel")
    pads = data.draw(st.tuples(*[st.integers(0, 2)] * 4), "pads")
    strides = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)), "strides")
    rng = np.random.default_rng(data.draw(st.integers(0, 1000), "seed"))
    weights = rng.standard_normal((channels[1], channels[0] // group, *kernel))
    weights *= rng.uniform(0.01, 3, (channels[1], 1, 1, 1))
    constants = [weights.astype(np.float32), rng.standard_normal(channels[1]).astype(np.float32)]
    check_layer(
        one_layer(
            "Conv",
            constants,
            [1, channels[0], 5, 6],
            group=group,
            pads=pads,
            strides=strides,
            kernel_shape=kernel,
        ),
        weights,
    )


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_transposed_convolutions_are_off_by_no_more_than_their_steps(data: st.DataObject) -> None:
    group = data.draw(st.sampled_from([1, 2]), "group")
    channels = (group * data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)))
    kernel = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)), "kernel")
    strides = data.draw(st.tuples(st.integers(1, 2), st.integers(1, 2)), "strides")
    rng = np.random.default_rng(data.draw(st.integers(0, 1000), "seed"))
    weights = rng.standard_normal((channels[0], channels[1], *kernel)).astype(np.float32)
    bias = rng.standard_normal(channels[1] * group).astype(np.float32)
    check_layer(
        one_layer(
            "ConvTranspose",
            [weights, bias],
            [1, channels[0], 4, 5],
            group=group,
            strides=strides,
            kernel_shape=kernel,
        ),
        weights.swapaxes(0, 1),
    )


@settings(max_examples=EXAMPLES)
@given(
    st.integers(1, 40),
    st.integers(1, 12),
    st.booleans(),
    st.floats(1e-4, 1e4),
    st.integers(0, 1000),
)
def test_fully_connected_layers_of_any_size_and_scale_are_off_by_no_more_than_their_steps(
    inputs: int, units: int, transposed: bool, size: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = (rng.standard_normal((units, inputs)) * size).astype(np.float32)
    bias = (rng.standard_normal(units) * size).astype(np.float32)
    constants = [weights if transposed else weights.T.copy(), bias]
    check_layer(one_layer("Gemm", constants, [1, inputs], transB=int(transposed)), weights)


def check_layer(model: onnx.ModelProto, weights: Any) -> None:
    """weights: (channels, …), one sum's weights in each row."""
    graph = graph_of(model)
    samples = normal_samples(graph, count=40)
    found = quantize(graph, samples, ranges="minmax").graph
    made = model_of(found)
    assert broken_rules(made) == []
    difference = outputs(found, samples)["y"] - outputs(graph, samples)["y"]
    root_mean_square = float(np.sqrt((difference.astype(np.float64) ** 2).mean()))
    # Roundings of a few weights are not random: they may all be near half a step, which is
    # the square root of 3 above a uniform one.
    assert root_mean_square <= 2.0 * expected_error(made, weights, weights[0].size)
