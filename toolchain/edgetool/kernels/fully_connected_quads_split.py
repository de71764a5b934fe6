"""fully_connected_quads_s8 for Armv6-M: requantized in two products of 32 bits."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.bounded_layers import Scaling, tail_of
from edgetool.kernels.fully_connected_quads import KINDS, quads_call
from edgetool.kernels.split_scaling import find_split_scaling
from edgetool.program.accumulators import Requantization
from edgetool.program.arithmetic import Int64Array
from edgetool.program.operator import KernelCall
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.tensor import Tensor

__all__ = ["KINDS", "call"]


def call(
    operator: FullyConnected, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call; else the general kernel's, for the form of other cores is not for this one."""
    found = quads_call(operator, inputs, outputs, split_scaling_once)
    return found or operator.kernel(inputs, outputs)


def split_scaling_once(found: Requantization, largest: Int64Array) -> Scaling | None:
    """By two products of 32 bits."""
    split = find_split_scaling(found, largest)
    if split is None:
        return None
    return Scaling(tail_of(found), split.multipliers, split.shifts, split.split, split.limit)
