"""digits-cnn's architecture: a table of convolutions, and the trainable network made from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgetool.builders.layers import (
    BatchNorm,
    Chain,
    Convolution3x3,
    Dense,
    Depthwise3x3,
    GlobalAverage,
    Layer,
    Parameter,
    Pointwise,
    ReLU,
    Residual,
    he_normal,
)


@dataclass(frozen=True)
class Convolution:
    """One convolution with the batch normalization behind it; kind names the layer's class."""

    name: str
    kind: type[Convolution3x3] | type[Pointwise]
    channels_in: int
    channels_out: int
    stride: int = 1

    @property
    def depthwise(self) -> bool:
        """Whether each channel is convolved by itself."""
        return self.kind is Depthwise3x3


# The network, in order. pointwise_2's output is added to pointwise_1's; a ReLU follows each
# convolution, in pointwise_2's case after that addition.
CONVOLUTIONS = (
    Convolution("conv_stem", Convolution3x3, 1, 16),
    Convolution("depthwise_1", Depthwise3x3, 16, 16),
    Convolution("pointwise_1", Pointwise, 16, 32),
    Convolution("depthwise_2", Depthwise3x3, 32, 32),
    Convolution("pointwise_2", Pointwise, 32, 32),
    Convolution("depthwise_3", Depthwise3x3, 32, 32, stride=2),
    Convolution("pointwise_3", Pointwise, 32, 64),
)
CLASSES = 10


@dataclass(frozen=True)
class Network:
    """The layers of CONVOLUTIONS by name, the dense layer, and all of them as one chain."""

    convolutions: dict[str, tuple[Layer, BatchNorm]]
    dense: Dense
    chain: Chain


def create_network(rng: np.random.Generator) -> Network:
    """The untrained network."""
    convolutions = {row.name: create_convolution(row, rng) for row in CONVOLUTIONS}
    dense = Dense(
        he_normal(rng, (CONVOLUTIONS[-1].channels_out, CLASSES), CONVOLUTIONS[-1].channels_out),
        Parameter(np.zeros(CLASSES, np.float32)),
    )

    def activated(*names: str) -> list[Layer]:
        return [layer for name in names for layer in (*convolutions[name], ReLU())]

    chain = Chain(
        [
            *activated("conv_stem", "depthwise_1", "pointwise_1"),
            Residual([*activated("depthwise_2"), *convolutions["pointwise_2"]]),
            ReLU(),
            *activated("depthwise_3", "pointwise_3"),
            GlobalAverage(),
            dense,
        ]
    )
    return Network(convolutions, dense, chain)


def create_convolution(row: Convolution, rng: np.random.Generator) -> tuple[Layer, BatchNorm]:
    """One row of CONVOLUTIONS as layers, with random weights."""
    norm = BatchNorm(row.channels_out)
    if row.kind is Pointwise:
        shape: tuple[int, ...] = (row.channels_in, row.channels_out)
        return Pointwise(he_normal(rng, shape, row.channels_in)), norm
    if row.depthwise:
        return Depthwise3x3(he_normal(rng, (3, 3, row.channels_in), 9), row.stride), norm
    shape = (3, 3, row.channels_in, row.channels_out)
    return Convolution3x3(he_normal(rng, shape, 9 * row.channels_in), row.stride), norm
