"""fully_connected_quads_s8 for Armv6-M: requantized in two products of 32 bits."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.fully_connected_quads import KINDS, quads_call
from edgetool.kernels.short_scaling import split_scaling
from edgetool.program.operator import KernelCall
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.tensor import Tensor

__all__ = ["KINDS", "call"]


def call(
    operator: FullyConnected, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call; else the general kernel's, for the form of other cores is not for this one."""
    found = quads_call(operator, inputs, outputs, split_scaling)
    return found or operator.kernel(inputs, outputs)
