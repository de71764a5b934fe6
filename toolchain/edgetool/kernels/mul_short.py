"""mul_short_s8: products rescaled by a short form of edge_scale.h."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.kernels.short_scaling import ChooseScaling, long_scaling
from edgetool.program.accumulators import FIXED_POINT, Requantization
from edgetool.program.elementwise import binary_call
from edgetool.program.operator import KernelCall
from edgetool.program.ops.mul import Mul
from edgetool.program.tensor import Tensor

KINDS = frozenset({"mul"})


def call(
    operator: Mul, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None for other types than int8, narrower clamps and where no form is exact."""
    return short_call(operator, inputs, outputs, long_scaling)


def short_call(
    operator: Mul,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    choose: ChooseScaling,
) -> KernelCall | None:
    """The call with a core's short form."""
    a, b, out = inputs[0], inputs[1], outputs[0]
    if a is None or b is None or {a.dtype, b.dtype, out.dtype} != {"int8"}:
        return None
    found = Requantization(
        np.zeros(1, np.int64),
        np.array([operator.factor(a, b, out)]),
        FIXED_POINT,
        out.zero_point,
        operator.clamp.integer_bounds(out),
        out.dtype,
    )
    farthest = [max(128 + t.zero_point, 127 - t.zero_point) for t in (a, b)]
    scaling = choose(found, np.array([farthest[0] * farthest[1]], np.int64))
    if scaling is None:
        return None
    numbers = {
        "a_zero_point": a.zero_point,
        "b_zero_point": b.zero_point,
        "out_zero_point": out.zero_point,
        "multiplier": int(scaling.multipliers[0]),
        "shift": int(scaling.shifts[0]),
        "split": scaling.split,
        "limit": scaling.limit,
    }
    return binary_call("mul_short_s8", a, b, out, numbers)
