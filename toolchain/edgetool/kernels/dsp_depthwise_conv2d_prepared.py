"""depthwise_conv2d with constants as its code uses them (depthwise_conv2d_dsp_prepared_s8).

Two to three times the flash of the weights, for what would be made of them at every run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgetool.kernels import dsp_depthwise_conv2d
from edgetool.kernels.dsp_depthwise_conv2d import SHIFTED_WEIGHTS, constants_bytes
from edgetool.kernels.dsp_packing import UInt32Array
from edgetool.kernels.epilogue import DEPTHWISE
from edgetool.program.operator import Argument, Array, KernelCall
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.tensor import Tensor

KINDS = ("depthwise_conv2d",)
OPTIMIZE = ("speed",)
ARGUMENTS = (
    Argument("parameters"),
    Argument("input"),
    Argument("constant", name="constants"),
    Argument("output"),
    Argument("scratch"),
)


def call(
    operator: DepthwiseConv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call of dsp_depthwise_conv2d with prepared constants, None for other tails and clamps."""
    made = dsp_depthwise_conv2d.call(operator, inputs, outputs)
    if made is None or made.defines["EDGE_TAIL"] != SHIFTED_WEIGHTS or made.defines["EDGE_CLAMPS"]:
        return None
    zero_point = outputs[0].zero_point
    kernel = made.defines["EDGE_KERNEL_ROWS"], made.defines["EDGE_KERNEL_COLUMNS"]
    return replace(
        made,
        function=f"{made.function.removesuffix('_s8')}_prepared_s8",
        template="depthwise_conv2d_dsp_prepared_s8",
        arguments=ARGUMENTS,
        constants={"constants": prepare(made.constants, zero_point)},
        scratch_bytes=made.scratch_bytes - constants_bytes(*kernel),
        defines={**made.defines, "EDGE_IS_PREPARED": 1},
    )


def prepare(constants: Mapping[str, Array], zero_point: int) -> UInt32Array:
    """The words of depthwise_conv2d_dsp_prepared_s8.h.

    constants: weights int8 (C, rows, columns), bias, multipliers and left shifts (C,).
    """
    shifts = constants["shifts"].astype(np.int64)
    weights = constants["weights"].astype(np.int64) << shifts[:, None, None]
    if weights.shape[2] == 1:
        weights = np.pad(weights, ((0, 0), (0, 0), (0, 1)))
    pairs = (weights[:, :, :-1] & 0xFFFF) | (weights[:, :, 1:] & 0xFFFF) << 16
    m = DEPTHWISE.saturating_shift
    addends = (1 << (shifts - 2)) + (1 << (m - 1)) + (zero_point << m)
    scales = [constants["bias"].astype(np.int64) << shifts, constants["multipliers"], addends]
    words = np.concatenate([pairs.reshape(len(shifts), -1), np.stack(scales, axis=1)], axis=1)
    return np.asarray(words & 0xFFFFFFFF, np.int64).astype(np.uint32).ravel()
