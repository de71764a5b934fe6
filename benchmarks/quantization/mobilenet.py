"""MobileNetV2 with random weights whose layers are normalised as training would have.

The published network's weights are not needed: what calibration costs depends on shapes alone,
and gains that differ from channel to channel are what makes MobileNets hard to quantize.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from network_builder import NetworkBuilder
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

# Sandler et al. 2018, table 2: expansion, channels, repeats, stride.
INVERTED_RESIDUALS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2(probe: Array, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """MobileNetV2 1.0.   probe: float32 (images, 3, 224, 224). Logits, as published."""
    builder = NetworkBuilder(np.random.default_rng(seed), probe)
    x = builder.clip6(builder.convolution("image", 32, 3, stride=2))
    for expansion, channels, repeats, stride in INVERTED_RESIDUALS:
        for repeat in range(repeats):
            x = _inverted_residual(builder, x, expansion, channels, 1 if repeat else stride)
    x = builder.clip6(builder.convolution(x, 1280, 1))
    x = builder.add("Flatten", [builder.add("GlobalAveragePool", [x])])
    weights = builder.rng.standard_normal((classes, 1280)) / np.sqrt(1280)
    return builder.model(builder.dense(x, weights, np.zeros(classes)), "mobilenet_v2")


def _inverted_residual(
    builder: NetworkBuilder, source: str, expansion: int, channels: int, stride: int
) -> str:
    entering = builder.values[source].shape[1]
    x, hidden = source, entering * expansion
    if expansion > 1:
        x = builder.clip6(builder.convolution(x, hidden, 1))
    x = builder.clip6(builder.convolution(x, hidden, 3, stride, groups=hidden))
    x = builder.convolution(x, channels, 1)
    return builder.add("Add", [source, x]) if stride == 1 and entering == channels else x
