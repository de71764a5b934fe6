"""3x3 conv2d on cores with the DSP extension by Winograd's F(2x2, 3x3).

Less than half of the multiplications, bit for bit the same outputs. Flash holds the weights as
they are; they are transformed into scratch memory before each run, so that only layers of few
channels on large images are served, whose input and output are larger than that memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.kernels.dsp_conv2d_winograd_4x4 import ARGUMENTS
from edgetool.kernels.epilogue import CONVOLUTION, choose_epilogue
from edgetool.kernels.winograd import (
    F2,
    direct_instructions,
    parameters_of,
    suits,
    winograd_instructions,
)
from edgetool.program.accumulators import Layer, requantization, require_types
from edgetool.program.operator import KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

KINDS = ("conv2d",)
OPTIMIZE = ("balanced",)
PER_PRODUCT = 25 / 36  # of conv2d_dsp_s8
LARGEST_SHARE = 1 / 2  # of the layer's input and output that the scratch memory may take


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, or None for other kernels, where direct products cost less, and where scratch
    memory would be large."""
    layer = Layer.of(inputs, outputs[0])
    if require_types(operator.kind, layer) != "int8" or not suits(operator, layer):
        return None
    scratch = weight_bytes(layer) + F2.scratch_bytes(layer)
    if scratch > LARGEST_SHARE * (layer.x.elements + layer.output.elements) or not _pays(layer):
        return None
    found = requantization(layer, operator.clamp)
    epilogue = choose_epilogue(layer, found, CONVOLUTION)
    if not F2.is_exact(epilogue):
        return None
    return KernelCall(
        "conv2d_winograd_2x2_dsp_s8",
        ARGUMENTS,
        parameters_of(operator, layer, found.bounds),
        {
            "weights": np.ascontiguousarray(layer.weight_data),
            "scales": F2.scales(found.bias, epilogue),
        },
        scratch,
        {0: F2.lead_bytes(operator, layer)},
    )


def weight_bytes(layer: Layer) -> int:
    """Of the transformed weights: for each position two words and one for two input channels, for
    each output channel."""
    return F2.positions * layer.channels * (4 + 2 * layer.x.shape[3])


def _pays(layer: Layer) -> bool:
    """Whether the transform of the weights, 110 instructions for two channels, pays as well."""
    weights = layer.channels * layer.x.shape[3] / 2 * 110
    return winograd_instructions(layer, F2) + weights < direct_instructions(layer, PER_PRODUCT)
