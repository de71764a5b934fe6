"""digits-cnn as an ONNX model, batch normalization left as nodes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgetool.builders.digits_network import CLASSES, CONVOLUTIONS, Convolution, Network
from edgetool.builders.layers import Array, BatchNorm, Dense, Layer, Pointwise

OPSET = 17
IR_VERSION = 8  # the version that belongs to opset 17: older runtimes load it


class GraphWriter:
    """Collects ONNX nodes and initializers; each node's output bears the node's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(self, operator: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Append a node and return its output's name."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: Array) -> str:
        """Append an initializer and return its name."""
        array = np.ascontiguousarray(value, np.float32)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def add_convolution(self, row: Convolution, layers: tuple[Layer, BatchNorm], x: str) -> str:
        """Append one row of CONVOLUTIONS and return its batch normalization's output."""
        convolution, norm = layers
        weights = self.constant(f"{row.name}.weight", to_onnx_weights(row, convolution))
        size = 1 if row.kind is Pointwise else 3
        y = self.add(
            "Conv",
            row.name,
            [x, weights],
            kernel_shape=[size, size],
            strides=[row.stride, row.stride],
            pads=[size // 2] * 4,
            group=row.channels_in if row.depthwise else 1,
        )
        statistics = {
            "scale": norm.scale.value,
            "bias": norm.bias.value,
            "mean": norm.mean,
            "variance": norm.variance,
        }
        names = [self.constant(f"{row.name}_norm.{key}", statistics[key]) for key in statistics]
        return self.add("BatchNormalization", f"{row.name}_norm", [y, *names], epsilon=norm.epsilon)


def to_onnx_weights(row: Convolution, layer: Layer) -> Array:
    """The layer's weights as ONNX orders them: (out, in / group, kernel_height, kernel_width)."""
    (weights,) = layer.parameters
    if row.kind is Pointwise:
        return weights.value.T[:, :, None, None]
    if row.depthwise:
        return weights.value.transpose(2, 0, 1)[:, None]
    return weights.value.transpose(3, 2, 0, 1)


def to_onnx(network: Network) -> onnx.ModelProto:
    """The network as an ONNX model: image float32 [batch, 1, 8, 8] → probabilities [batch, 10]."""
    graph = GraphWriter()
    x = shortcut = "image"
    for row in CONVOLUTIONS:
        x = graph.add_convolution(row, network.convolutions[row.name], x)
        if row.name == "pointwise_2":
            x = graph.add("Add", "residual_add", [shortcut, x])
        x = graph.add("Relu", f"{row.name}_relu", [x])
        if row.name == "pointwise_1":
            shortcut = x
    add_classifier(graph, network.dense, x)
    return to_model(graph)


def add_classifier(graph: GraphWriter, dense: Dense, x: str) -> None:
    """Append global pooling, the dense layer and the softmax behind x."""
    x = graph.add("GlobalAveragePool", "global_pool", [x])
    x = graph.add("Flatten", "flatten", [x], axis=1)
    weights = graph.constant("dense.weight", dense.weights.value.T)
    bias = graph.constant("dense.bias", dense.bias.value)
    x = graph.add("Gemm", "dense", [x, weights, bias], transB=1)
    node = helper.make_node("Softmax", [x], ["probabilities"], name="softmax", axis=-1)
    graph.nodes.append(node)


def to_model(graph: GraphWriter) -> onnx.ModelProto:
    """Wrap the nodes as a checked model with a dynamic batch dimension."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", CLASSES])
    body = helper.make_graph(
        graph.nodes, "digits-cnn", [image], [output], initializer=graph.initializers
    )
    model = helper.make_model(
        body,
        producer_name="edgetool.builders.digits_cnn",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model
