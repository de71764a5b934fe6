"""3x3 conv2d on cores with the DSP extension by Winograd's F(4x4, 3x3).

A quarter of the multiplications for eight times the flash, bit for bit the same outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.epilogue import CONVOLUTION, choose_epilogue
from edgetool.kernels.winograd import (
    F4,
    UNSIGNED,
    direct_instructions,
    pack,
    parameters_of,
    suits,
    winograd_instructions,
)
from edgetool.program.accumulators import Layer, requantization, require_types
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

KINDS = ("conv2d",)
OPTIMIZE = ("speed",)
PER_PRODUCT = 23 / 36  # of conv2d_dsp_wide_s8
ARGUMENTS = (
    Argument("parameters"),
    Argument("input"),
    Argument("constant", name="weights"),
    Argument("constant", name="scales"),
    Argument("output"),
    Argument("scratch"),
)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, or None for other kernels and where direct products cost less."""
    layer = Layer.of(inputs, outputs[0])
    if require_types(operator.kind, layer) != "int8" or not suits(operator, layer):
        return None
    if winograd_instructions(layer, F4) >= direct_instructions(layer, PER_PRODUCT):
        return None
    found = requantization(layer, operator.clamp)
    epilogue = choose_epilogue(layer, found, CONVOLUTION)
    if not F4.is_exact(epilogue):
        return None
    bias = found.bias - UNSIGNED * layer.sums(layer.weight_data)
    return KernelCall(
        "conv2d_winograd_4x4_dsp_s8",
        ARGUMENTS,
        parameters_of(operator, layer, found.bounds),
        {"weights": pack(layer.weight_data), "scales": F4.scales(bias, epilogue)},
        F4.scratch_bytes(layer),
        {0: F4.lead_bytes(operator, layer)},
    )
