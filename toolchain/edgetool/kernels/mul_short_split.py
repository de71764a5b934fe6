"""mul_short_s8 for Armv6-M: rescaled in two products of 32 bits."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.mul_short import KINDS, short_call
from edgetool.kernels.short_scaling import split_scaling
from edgetool.program.operator import KernelCall
from edgetool.program.ops.mul import Mul
from edgetool.program.tensor import Tensor

__all__ = ["KINDS", "call"]


def call(
    operator: Mul, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call; else the general kernel's, for the form of other cores is not for this one."""
    found = short_call(operator, inputs, outputs, split_scaling)
    return found or operator.kernel(inputs, outputs)
