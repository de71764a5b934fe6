"""A MobileNet-V1 of width 0.25 trained here, in NumPy, on generated textures."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgetool.builders.digits_network import Convolution, create_convolution
from edgetool.builders.digits_onnx import IR_VERSION, OPSET, GraphWriter, add_classifier
from edgetool.builders.layers import (
    Chain,
    Convolution3x3,
    Dense,
    Depthwise3x3,
    GlobalAverage,
    Parameter,
    Pointwise,
    ReLU,
    he_normal,
    train,
)

Array = NDArray[np.floating[Any]]
EPOCHS = 6

# Howard et al. 2017, table 1 without its last, deepest part: channels out and stride of each pair.
SEPARABLE = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1))
STEM_CHANNELS = 8


def convolutions() -> list[Convolution]:
    """The stem and the separable pairs, in order."""
    rows = [Convolution("stem", Convolution3x3, 3, STEM_CHANNELS, 2)]
    entering = STEM_CHANNELS
    for index, (channels, stride) in enumerate(SEPARABLE):
        rows.append(Convolution(f"depthwise_{index}", Depthwise3x3, entering, entering, stride))
        rows.append(Convolution(f"pointwise_{index}", Pointwise, entering, channels))
        entering = channels
    return rows


def trained_mobilenet(images: Array, labels: NDArray[np.int64], classes: int) -> onnx.ModelProto:
    """The network trained on images (n, 3, size, size) and labels (n,); a minute on one core."""
    rng = np.random.default_rng(0)
    rows = convolutions()
    pairs = [create_convolution(row, rng) for row in rows]
    entering = rows[-1].channels_out
    dense = Dense(
        he_normal(rng, (entering, classes), entering), Parameter(np.zeros(classes, np.float32))
    )
    activated = [layer for pair in pairs for layer in (*pair, ReLU())]
    chain = Chain([*activated, GlobalAverage(), dense])
    train(chain, images.transpose(0, 2, 3, 1), labels, epochs=EPOCHS, rng=rng)
    graph = GraphWriter()
    x = "image"
    for row, pair in zip(rows, pairs, strict=True):
        x = graph.add("Relu", f"{row.name}_relu", [graph.add_convolution(row, pair, x)])
    add_classifier(graph, dense, x)
    return _model(graph, images.shape[1:], classes)


def _model(graph: GraphWriter, shape: tuple[int, ...], classes: int) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *shape])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes])
    body = helper.make_graph(graph.nodes, "mobilenet", [image], [output], graph.initializers)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(body, opset_imports=opset, ir_version=IR_VERSION)
