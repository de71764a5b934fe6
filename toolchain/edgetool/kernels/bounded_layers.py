"""Integer layers whose sums are known to be small: what the blocked kernels have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgetool.kernels.epilogue import SUMS, choose_epilogue, per_channel
from edgetool.kernels.output_steps import FULL
from edgetool.kernels.split_scaling import find_split_scaling
from edgetool.kernels.sum_bounds import sum_bounds
from edgetool.program.accumulators import Layer, Requantization, requantization
from edgetool.program.arithmetic import Int64Array
from edgetool.program.operator import Argument, Array, Clamp, KernelCall

LARGEST_SUM = (1 << 23) - 1
SHIFTS = (-22, -1)
"""What edge_requantize in edge_product.h takes."""

RECTIFIED_TAIL, LINEAR_TAIL, ANY_TAIL = 0, 1, 2
"""EDGE_RECTIFIED, EDGE_LINEAR and EDGE_ANY of edge_scale.h."""

Parameters = dict[str, int | float | tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Scaling:
    """How edge_scale.h makes outputs of sums.   multipliers, shifts: (O,)."""

    tail: int
    multipliers: Int64Array
    shifts: Int64Array
    split: int = 0
    limit: int = 0


Bounds = tuple[Int64Array, Int64Array]
ChooseScaling = Callable[[Layer, Requantization, Bounds], Scaling | None]
"""The short forms of a core: None where none is exact for sums within the bounds (low, high)."""


def long_scaling(layer: Layer, found: Requantization, bounds: Bounds) -> Scaling | None:
    """By the upper word of one product of 64 bits: of cores with a long multiply."""
    epilogue = choose_epilogue(layer, found)
    if epilogue.tail == SUMS or found.bounds != FULL:
        return None
    multipliers, shifts = epilogue.multipliers, epilogue.shifts
    return Scaling(tail_of(found), multipliers.astype(np.int64), shifts.astype(np.int64))


def split_scaling(layer: Layer, found: Requantization, bounds: Bounds) -> Scaling | None:
    """By two products of 32 bits: of cores without a long multiply."""
    low, high = bounds
    split = find_split_scaling(found, np.maximum(np.maximum(-low, high), 1))
    if split is None:
        return None
    return Scaling(tail_of(found), split.multipliers, split.shifts, split.split, split.limit)


def tail_of(found: Requantization) -> int:
    """Rectified where sums below 0 give the lowest output, else linear."""
    return RECTIFIED_TAIL if found.zero_point == FULL[0] else LINEAR_TAIL


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
    bounds = sum_bounds(layer, epilogue.bias)
    general = _any_scaling(layer, epilogue, bounds)
    if general is None:
        return None
    return BoundedLayer(layer, epilogue, choose(layer, epilogue, bounds) or general)


def _any_scaling(layer: Layer, found: Requantization, bounds: Bounds) -> Scaling | None:
    multipliers, shifts = per_channel(found, layer.channels)
    low, high = bounds
    small = max(-int(low.min()), int(high.max())) <= LARGEST_SUM
    shifted = SHIFTS[0] <= int(shifts.min()) and int(shifts.max()) <= SHIFTS[1]
    if not (small and shifted):
        return None
    return Scaling(ANY_TAIL, multipliers.astype(np.int64), shifts.astype(np.int64))


def round_up(count: int, multiple: int) -> int:
    """The smallest multiple that is not below count."""
    return -(-count // multiple) * multiple


def padded(array: Array, *sizes: int) -> Array:
    """array with zeros behind its elements, up to sizes."""
    grown = np.zeros(sizes, array.dtype)
    grown[tuple(slice(size) for size in array.shape)] = array
    return grown
