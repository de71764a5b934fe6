"""The random networks that other tests rely on are what they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest

import networks
from dead_channels import BLOCKS, CHANNELS
from network_writer import Array
from networks import SeparableNetwork, separable_network

MAKERS = [
    networks.residual_network,
    networks.dense_autoencoder,
    networks.conv1d_wakeword,
    networks.inverted_residual,
    networks.detection_head,
    lambda seed, batch=1: separable_network(seed, batch=batch).model,
]


def run(model: onnx.ModelProto, feeds: dict[str, Array]) -> dict[str, Array]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("batch", [1, "batch"])
def test_network_runs_and_its_outputs_depend_on_the_input(
    make: Callable[..., onnx.ModelProto], batch: int | str
) -> None:
    model = make(7, batch=batch)
    first, second = (run(model, networks.random_inputs(model, seed)) for seed in (1, 2))
    for name in first:
        assert np.isfinite(first[name]).all()
        assert not np.array_equal(first[name], second[name])


@pytest.mark.parametrize("make", MAKERS)
def test_seed_alone_decides_the_network(make: Callable[..., onnx.ModelProto]) -> None:
    assert make(3).SerializeToString() == make(3).SerializeToString()
    assert make(3).SerializeToString() != make(4).SerializeToString()


def layer_outputs(network: SeparableNetwork, samples: int = 20) -> dict[str, Array]:
    """What every convolution gives behind its ReLU6, over random inputs: (n, c, h, w)."""
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    names = [f"{node.name}_relu6" for node in model.graph.node if node.op_type == "Conv"]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    runs = [run(model, networks.random_inputs(model, seed)) for seed in range(samples)]
    return {
        name.removesuffix("_relu6"): np.concatenate([outputs[name] for outputs in runs])
        for name in names
    }


def constant_channels(outputs: Array) -> set[int]:
    spread = np.ptp(outputs, axis=(0, 2, 3))
    return set(np.flatnonzero(spread == 0).tolist())


def follower_of(layer: str) -> str:
    if layer.startswith("depthwise"):
        return ""
    return "depthwise_1" if layer == "conv_stem" else f"depthwise_{1 + int(layer[-1])}"


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(("seed", "dead_channels"), [(5, 1), (6, 3), (7, 6), (8, 3), (9, 3)])
def test_exactly_the_removable_channels_are_constant_or_read_by_a_constant_one(
    seed: int, dead_channels: int, padded: bool
) -> None:
    network = separable_network(seed, dead_channels, padded=padded)
    outputs = layer_outputs(network)
    for layer, values in outputs.items():
        constant = constant_channels(values) - set(network.kept.get(layer, ()))
        if follower_of(layer) in outputs:
            constant |= constant_channels(outputs[follower_of(layer)])
        assert set(network.removable[layer]) == constant, layer


def test_constant_behind_padding_is_kept_because_its_reader_varies_at_the_border() -> None:
    network = separable_network(5, 3)
    outputs = layer_outputs(network)
    assert set(network.kept) == {"conv_stem", "pointwise_1", "pointwise_2"}
    for layer, (channel,) in network.kept.items():
        assert channel in constant_channels(outputs[layer])
        assert channel not in constant_channels(outputs[follower_of(layer)])


def test_dead_count_follows_from_the_channels_asked_for() -> None:
    producers = 1 + BLOCKS
    padded = separable_network(1, 3)
    assert padded.dead_count == 3 * (producers + BLOCKS) + 1  # the last constant has no padding
    unpadded = separable_network(1, 3, padded=False)
    assert unpadded.dead_count == 4 * (producers + BLOCKS)
    assert separable_network(1, 0).dead_count == 0
    assert max(max(channels) for channels in padded.removable.values()) < CHANNELS
