"""Integer layers whose sums are known to be small: what the blocked kernels have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgetool.kernels.short_scaling import ANY_TAIL, ChooseScaling, Scaling, long_scaling
from edgetool.kernels.sum_bounds import sum_bounds
from edgetool.program.accumulators import Layer, Requantization, requantization
from edgetool.program.arithmetic import Int64Array, quantize_multipliers
from edgetool.program.operator import Argument, Array, Clamp, KernelCall

LARGEST_SUM = (1 << 23) - 1
SHIFTS = (-22, -1)
"""What edge_requantize in edge_product.h takes."""

Parameters = dict[str, int | float | tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class BoundedLayer:
    """A layer that edge_scale.h serves."""

    layer: Layer
    epilogue: Requantization
    scaling: Scaling

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
        return KernelCall(
            function, arguments, {**parameters, **self._parameters()}, constants, scratch_bytes
        )

    def _parameters(self) -> Parameters:
        """The fields of the parameters from the output's zero point on."""
        return {
            "out_zero_point": self.epilogue.zero_point,
            "out_min": self.epilogue.bounds[0],
            "out_max": self.epilogue.bounds[1],
            "tail": self.scaling.tail,
            "split": self.scaling.split,
            "limit": self.scaling.limit,
        }

    def _constants(self, channels: int) -> dict[str, Array]:
        count = round_up(self.layer.channels, channels)
        return {
            "bias": padded(self.epilogue.bias.astype(np.int32), count),
            "multipliers": padded(self.scaling.multipliers.astype(np.int32), count),
            "shifts": padded(self.scaling.shifts.astype(np.int8), count),
        }


def bounded_layer(
    layer: Layer, clamp: Clamp, choose: ChooseScaling = long_scaling
) -> BoundedLayer | None:
    """The layer with its requantization, None where edge_scale.h cannot serve it.

    Sums must be below 2**23 and every channel must shift right, which the general form takes.
    choose: the core's short forms, which are preferred. What they take is served either way, so
    that a layer is never left to a variant whose C a core's headers have replaced.
    """
    if layer.x.dtype != "int8" or layer.weights.dtype != "int8" or layer.output.dtype != "int8":
        return None
    epilogue = requantization(layer, clamp)
    low, high = sum_bounds(layer, epilogue.bias)
    largest = np.maximum(np.maximum(-low, high), 1)
    general = _any_scaling(epilogue, largest)
    if general is None:
        return None
    return BoundedLayer(layer, epilogue, choose(epilogue, largest) or general)


def _any_scaling(found: Requantization, largest: Int64Array) -> Scaling | None:
    multipliers, shifts = (
        np.broadcast_to(array, largest.shape).astype(np.int64)
        for array in quantize_multipliers(found.factors)
    )
    shifted = SHIFTS[0] <= int(shifts.min()) and int(shifts.max()) <= SHIFTS[1]
    if int(largest.max()) > LARGEST_SUM or not shifted:
        return None
    return Scaling(ANY_TAIL, multipliers, shifts)


def round_up(count: int, multiple: int) -> int:
    """The smallest multiple that is not below count."""
    return -(-count // multiple) * multiple


def padded(array: Array, *sizes: int) -> Array:
    """array with zeros behind its elements, up to sizes."""
    grown = np.zeros(sizes, array.dtype)
    grown[tuple(slice(size) for size in array.shape)] = array
    return grown
