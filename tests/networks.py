"""Small random networks as ONNX models, made from a seed: what tests feed to the toolchain.

Weights are float32, tensors NCHW, the batch is 1 unless another size (or a name, for a dynamic
batch) is asked for. Every model has passed onnx.checker and runs in onnxruntime.
"""

from __future__ import annotations

import numpy as np
import onnx

from dead_channels import SeparableNetwork, separable_network
from network_writer import Array, NetworkWriter, Shape

__all__ = [
    "SeparableNetwork",
    "conv1d_wakeword",
    "dense_autoencoder",
    "detection_head",
    "inverted_residual",
    "random_inputs",
    "residual_network",
    "separable_network",
]


def random_inputs(model: onnx.ModelProto, seed: int, samples: int = 1) -> dict[str, Array]:
    """Standard normal values for each input; a dynamic batch gets `samples`."""
    rng = np.random.default_rng(seed)
    feeds: dict[str, Array] = {}
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        shape = [samples if dim.dim_param else dim.dim_value for dim in dims]
        feeds[value.name] = rng.standard_normal(shape).astype(np.float32)
    return feeds


def residual_network(seed: int, batch: int | str = 1) -> onnx.ModelProto:
    """Two residual blocks, the second with a strided shortcut; 3x12x12 to 5 classes."""
    net = NetworkWriter(seed)
    x = net.relu(net.conv("stem", "image", (3, 8), pad=1))
    y = net.relu(net.conv("block1_conv1", x, (8, 8), pad=1))
    y = net.conv("block1_conv2", y, (8, 8), pad=1)
    x = net.relu(net.node("Add", "block1_add", [x, y]))
    y = net.relu(net.conv("block2_conv1", x, (8, 16), stride=2, pad=1))
    y = net.conv("block2_conv2", y, (16, 16), pad=1)
    shortcut = net.conv("block2_shortcut", x, (8, 16), (1, 1), stride=2)
    x = net.relu(net.node("Add", "block2_add", [shortcut, y]))
    y = net.classifier(x, 16, 5)
    return net.model("residual", ("image", [batch, 3, 12, 12]), {y: [batch, 5]})


def dense_autoencoder(seed: int, batch: int | str = 1) -> onnx.ModelProto:
    """Dense layers 40 → 24 → 6 → 24 → 40 with ReLU between them."""
    net = NetworkWriter(seed)
    x, sizes = "features", (40, 24, 6, 24, 40)
    for index in range(len(sizes) - 1):
        x = net.dense(f"dense_{index}", x, sizes[index], sizes[index + 1])
        x = net.relu(x) if index < len(sizes) - 2 else x
    return net.model("autoencoder", ("features", [batch, 40]), {x: [batch, 40]})


def conv1d_wakeword(seed: int, batch: int | str = 1) -> onnx.ModelProto:
    """1-D convolutions over 10 features x 48 time steps, strided, depthwise and pointwise."""
    net = NetworkWriter(seed)
    x = net.relu(net.conv("stem", "audio", (10, 12), (5,), stride=2, pad=2))
    x = net.relu(net.conv("depthwise", x, (12, 12), (3,), pad=1, depthwise=True))
    x = net.relu(net.conv("pointwise", x, (12, 16), (1,)))
    x = net.node("MaxPool", "max_pool", [x], kernel_shape=[2], strides=[2])
    y = net.classifier(x, 16, 3)
    return net.model("wakeword", ("audio", [batch, 10, 48]), {y: [batch, 3]})


def inverted_residual(seed: int, batch: int | str = 1) -> onnx.ModelProto:
    """MobileNetV2 blocks: expand, depthwise, linear projection, add; then a strided one."""
    net = NetworkWriter(seed)
    x = net.relu6(net.conv("stem", "image", (3, 6), pad=1))
    y = _bottleneck(net, "block1", x, (6, 6), stride=1)
    x = net.node("Add", "block1_add", [x, y])
    x = _bottleneck(net, "block2", x, (6, 10), stride=2)
    y = net.classifier(x, 10, 4)
    return net.model("inverted", ("image", [batch, 3, 10, 10]), {y: [batch, 4]})


def _bottleneck(
    net: NetworkWriter, name: str, x: str, channels: tuple[int, int], *, stride: int
) -> str:
    wide = 3 * channels[0]
    x = net.relu6(net.conv(f"{name}_expand", x, (channels[0], wide), (1, 1)))
    x = net.conv(f"{name}_depthwise", x, (wide, wide), stride=stride, pad=1, depthwise=True)
    return net.conv(f"{name}_project", net.relu6(x), (wide, channels[1]), (1, 1))


def detection_head(seed: int, batch: int | str = 1) -> onnx.ModelProto:
    """Two scales joined by resize and concat; sigmoid, then split into boxes and scores."""
    net = NetworkWriter(seed)
    fine = net.relu(net.conv("fine", "image", (3, 8), stride=2, pad=1))
    coarse = net.relu(net.conv("coarse", fine, (8, 12), stride=2, pad=1))
    scales = net.constant("upsample.scales", np.array([1, 1, 2, 2], np.float32))
    attributes = {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    upsampled = net.node("Resize", "upsample", [coarse, "", scales], **attributes)
    joined = net.node("Concat", "concat", [fine, upsampled], axis=1)
    head = net.node("Sigmoid", "sigmoid", [net.conv("head", joined, (20, 7), (1, 1))])
    sizes = net.constant("split.sizes", np.array([4, 3], np.int64))
    outputs = ["boxes", "scores"]
    net.nodes.append(onnx.helper.make_node("Split", [head, sizes], outputs, name="split", axis=1))
    shapes: dict[str, Shape] = {"boxes": [batch, 4, 8, 8], "scores": [batch, 3, 8, 8]}
    return net.model("detection", ("image", [batch, 3, 16, 16]), shapes)
