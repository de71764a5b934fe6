"""Requantization of int8 codes by lookup_s8: a table of 256 bytes instead of two roundings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.program.lookup import INT8_CODES, lookup_call, only_input
from edgetool.program.operator import KernelCall, Step
from edgetool.program.ops.requantize import Requantize
from edgetool.program.tensor import Tensor

KINDS = frozenset({"requantize"})
OPTIMIZE = frozenset({"balanced", "speed"})
"""With few elements the table is larger than the code it saves."""


def call(
    operator: Requantize, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None for other types than int8."""
    x, out = only_input(inputs), outputs[0]
    if x.dtype != "int8" or out.dtype != "int8":
        return None
    [table] = operator.execute(Step((INT8_CODES.astype(np.int8),), (x,), (out,)))
    return lookup_call(np.asarray(table, np.int8), out)
