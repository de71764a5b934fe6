"""Mean over any axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.program.arithmetic import clamp, multiply_double_rounding, quantize_multiplier
from edgetool.program.lookup import only_input
from edgetool.program.operator import (
    Argument,
    Array,
    Clamp,
    KernelCall,
    Operator,
    Step,
    integer_kernel,
)
from edgetool.program.overlap import ordered_lead, with_lead
from edgetool.program.strides import merge_axes, pad_left, row_major
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site

LOOPS = 3  # nested loops of the mean kernels over kept axes, and over reduced axes


@dataclass(frozen=True)
class Mean(Operator):
    """The mean of x over axes (not negative), which stay as size 1 if keepdims.

    Source: LiteRT reference/reduce.h QuantizedMeanOrSum: the sum of codes less zero points
    times one fixed-point factor, scale of x over scale of the output over the count.
    """

    kind: ClassVar[str] = "mean"
    axes: tuple[int, ...] = ()
    keepdims: bool = False

    def execute(self, step: Step) -> Sequence[Array]:
        """The mean in the output's type."""
        x, out = step.tensor(0), step.output
        axes = tuple(axis + 1 for axis in self.axes)
        if out.dtype == "float32":
            total = step.value(0).sum(axis=axes, dtype=np.float32)
            mean = total * np.float32(1) / np.float32(self._count(x))
            return (mean.reshape(-1, *out.shape).astype(np.float32),)
        centred = step.value(0).astype(np.int64) - x.zero_point
        multiplier, shift = self._factor(x, out)
        scaled = multiply_double_rounding(centred.sum(axis=axes), multiplier, shift)
        bounds = Clamp().integer_bounds(out)
        return (clamp(scaled + out.zero_point, bounds, out.dtype).reshape(-1, *out.shape),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """mean_s8 or mean_f32."""
        x, out = only_input(inputs), outputs[0]
        arguments = (Argument("parameters"), Argument("input", 0), Argument("output", 0))
        loops = self._loops(x)
        if out.dtype == "float32":
            call = KernelCall("mean_f32", arguments, {**loops, "count": self._count(x)})
            return with_lead(call, self._lead(x, itemsize=4))
        multiplier, shift = self._factor(x, out)
        numbers = {
            "count": self._count(x),
            "in_zero_point": x.zero_point,
            "multiplier": multiplier,
            "shift": shift,
            "out_zero_point": out.zero_point,
        }
        call = KernelCall(integer_kernel(self.kind, out), arguments, {**loops, **numbers})
        return with_lead(call, self._lead(x, 2 if x.dtype == "int16" else 1))

    def _lead(self, x: Tensor, itemsize: int) -> int:
        """Of a kernel that sums up all that an output needs before it writes it."""
        first = np.zeros(1, np.int64)
        for axis, (dim, step) in enumerate(zip(x.shape, row_major(x.shape), strict=True)):
            if axis not in self.axes:
                first = (first[:, None] + np.arange(dim) * step).ravel()
        return ordered_lead(first * itemsize, itemsize, 0)

    def _count(self, x: Tensor) -> int:
        return int(np.prod([x.shape[axis] for axis in self.axes], dtype=np.int64))

    def _factor(self, x: Tensor, out: Tensor) -> tuple[int, int]:
        """LiteRT's factor: 1 / count is divided into the multiplier, truncated."""
        multiplier, exponent = quantize_multiplier(float(x.scale) / float(out.scale))
        shift = min(self._count(x).bit_length() - 1, 32, 31 + exponent)
        return (multiplier << shift) // self._count(x), exponent - shift

    def _loops(self, x: Tensor) -> dict[str, int | float | tuple[int, ...]]:
        """Kept axes in the output's order, then reduced axes, each with strides of x."""
        kept = [dim if i not in self.axes else 1 for i, dim in enumerate(x.shape)]
        into = [0 if i in self.axes else s for i, s in enumerate(row_major(kept))]
        dims, (reads, writes) = merge_axes(x.shape, row_major(x.shape), into)
        walk = list(zip(dims, reads, writes, strict=True))
        kept_walk = [(dim, read) for dim, read, write in walk if write != 0]
        reduced_walk = [(dim, read) for dim, read, write in walk if write == 0]
        what = f"the mean of {list(x.shape)} over {list(self.axes)}"
        return {
            "kept": pad_left([dim for dim, _ in kept_walk], LOOPS, 1, what),
            "kept_strides": pad_left([step for _, step in kept_walk], LOOPS, 0, what),
            "reduced": pad_left([dim for dim, _ in reduced_walk], LOOPS, 1, what),
            "reduced_strides": pad_left([step for _, step in reduced_walk], LOOPS, 0, what),
        }


def lower(site: Site) -> None:
    """ONNX ReduceMean; axes are an attribute before opset 18, an input from then on."""
    layout, rank = site.layout(0), len(site.shape(0))
    given = site.attribute("axes", None) or site.integers(1)
    if given is None and site.attribute("noop_with_empty_axes", 0):
        raise site.unsupported("reduces nothing", "remove the layer")
    axes = {axis % rank for axis in (given or range(rank))}
    keepdims = bool(site.attribute("keepdims", 1))
    operator = Mean(tuple(sorted(layout.index(axis) for axis in axes)), keepdims)
    left = [axis for axis in layout if axis not in axes]
    renumbered = tuple(sorted(left).index(axis) for axis in left)
    site.emit(operator, [site.input(0, layout)], layout if keepdims else renumbered)


OPERATOR = Mean
ONNX = {"ReduceMean": lower}
