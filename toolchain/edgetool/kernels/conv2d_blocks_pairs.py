"""conv2d_blocks_s8 for Armv7-M: two channels at a time fill its registers."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.conv2d_blocks import KINDS, Block, blocks_call
from edgetool.program.operator import KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

__all__ = ["KINDS", "call"]

BLOCK = Block(together=2, unrolled=8)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None where conv2d_blocks has none."""
    return blocks_call(operator, inputs, outputs, BLOCK)
