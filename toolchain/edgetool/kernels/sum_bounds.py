"""What int32 sums can reach, from the weights: proofs for kernels that rely on small sums."""

from __future__ import annotations

import numpy as np

from edgetool.program.accumulators import Layer
from edgetool.program.arithmetic import Int64Array

INT8 = (-128, 127)


def sum_bounds(layer: Layer, bias: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The least and the greatest bias + sum(x * w) of each output channel, over all int8 x.

    bias (O,): what sums start from. Sums over some of the taps lie within the bounds of
    bias ± sum(|w|) * 128, and so do these.
    """
    weights = layer.weight_data.astype(np.int64)
    products = np.stack([weights * INT8[0], weights * INT8[1]])
    low = layer.sums(products.min(axis=0)) + bias
    high = layer.sums(products.max(axis=0)) + bias
    return low, high
