"""What each output of a convolution or dense layer reads, as rows: the layer becomes a matmul."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import attribute

Array = npt.NDArray[Any]


def convolution_patches(
    node: ir.Node,
    activations: Array,
    kernel: Sequence[int],
    output: Sequence[int],
    step: int = 1,
) -> Array:
    """Inputs of every step-th output position of a Conv: (positions, channels, taps).

    activations: (samples, channels, *size).   kernel, output: sizes along each spatial axis.
    Explicit padding only (auto_pad is resolved before).
    """
    rank = len(kernel)
    pads = attribute(node, "pads", (0,) * 2 * rank)
    strides = attribute(node, "strides", (1,) * rank)
    dilations = attribute(node, "dilations", (1,) * rank)
    widths = [(0, 0), (0, 0), *((pads[i], pads[i + rank]) for i in range(rank))]
    padded = np.pad(activations, widths) if any(pads) else activations
    taps = []
    for tap in np.ndindex(*kernel):
        window = tuple(
            slice(t * d, t * d + (size - 1) * s + 1, s)
            for t, d, s, size in zip(tap, dilations, strides, output, strict=True)
        )
        rows = np.moveaxis(padded[:, :, *window], 1, -1).reshape(-1, activations.shape[1])
        taps.append(rows[::step])
    return np.stack(taps, axis=-1)
