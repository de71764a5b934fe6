"""Integer layers whose sums are known to be small: what the blocked kernels have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgetool.kernels.sum_bounds import sum_bounds
from edgetool.program.accumulators import Layer, Requantization, requantization
from edgetool.program.arithmetic import quantize_multipliers
from edgetool.program.operator import Argument, Array, Clamp, KernelCall

LARGEST_SUM = (1 << 23) - 1
SHIFTS = (-22, -1)
"""What edge_requantize in edge_product.h takes."""

Parameters = dict[str, int | float | tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class BoundedLayer:
    """A layer that edge_requantize serves."""

    layer: Layer
    epilogue: Requantization

    def call(
        self,
        function: str,
        parameters: Parameters,
        weights: Array,
        scratch_bytes: int,
        channels: int = 1,
    ) -> KernelCall:
        """The call (parameters, in, weights, bias, multipliers, shifts, scratch, out).

        channels: bias, multipliers and shifts have a multiple of it; those added compute 0.
        """
        constants = {"weights": weights, **self._constants(channels)}
        arguments = (
            Argument("parameters"),
            Argument("input"),
            *(Argument("constant", name=name) for name in constants),
            Argument("scratch"),
            Argument("output"),
        )
        bounds = {"out_min": self.epilogue.bounds[0], "out_max": self.epilogue.bounds[1]}
        last = {"out_zero_point": self.epilogue.zero_point, **bounds}
        return KernelCall(function, arguments, {**parameters, **last}, constants, scratch_bytes)

    def _constants(self, channels: int) -> dict[str, Array]:
        """One element a channel, also where the layer has one scale for all."""
        count = round_up(self.layer.channels, channels)
        spread = {
            name: np.broadcast_to(array, (self.layer.channels,))
            for name, array in self.epilogue.constants().items()
        }
        grown = {name: padded(array, count) for name, array in spread.items()}
        grown["shifts"][self.layer.channels :] = SHIFTS[1]
        return grown


def bounded_layer(layer: Layer, clamp: Clamp) -> BoundedLayer | None:
    """The layer with its requantization, None where edge_requantize cannot serve it.

    Its products stay exact for sums below 2**23; every channel must shift right.
    """
    if layer.x.dtype != "int8" or layer.weights.dtype != "int8" or layer.output.dtype != "int8":
        return None
    epilogue = requantization(layer, clamp)
    _, shifts = quantize_multipliers(epilogue.factors)
    low, high = sum_bounds(layer, epilogue.bias)
    small = max(-int(low.min()), int(high.max())) <= LARGEST_SUM
    shifted = SHIFTS[0] <= int(shifts.min()) and int(shifts.max()) <= SHIFTS[1]
    return BoundedLayer(layer, epilogue) if small and shifted else None


def round_up(count: int, multiple: int) -> int:
    """The smallest multiple that is not below count."""
    return -(-count // multiple) * multiple


def padded(array: Array, *sizes: int) -> Array:
    """array with zeros behind its elements, up to sizes."""
    grown = np.zeros(sizes, array.dtype)
    grown[tuple(slice(size) for size in array.shape)] = array
    return grown
