"""A box of a tensor, with steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from edgetool.program.copying import gather_call
from edgetool.program.lookup import only_input
from edgetool.program.operator import Array, KernelCall, Operator, Step
from edgetool.program.strides import row_major
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Slice(Operator):
    """Elements starts[i] + k * steps[i], k < sizes[i], along each axis i.

    starts: 0 ≤ start < dim.   steps: not 0, negative reads backwards.
    """

    kind: ClassVar[str] = "slice"
    starts: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()

    def execute(self, step: Step) -> Sequence[Array]:
        """The chosen elements."""
        chosen = zip(self.starts, self.sizes, self.steps, strict=True)
        indices = [slice_of(start, size, stride) for start, size, stride in chosen]
        return (step.value(0)[(slice(None), *indices)],)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """copy_strided."""
        x = only_input(inputs)
        strides = row_major(x.shape)
        start = sum(first * stride for first, stride in zip(self.starts, strides, strict=True))
        walk = [step * stride for step, stride in zip(self.steps, strides, strict=True)]
        return gather_call(x, self.sizes, walk, start, f"slicing {list(x.shape)}")


def slice_of(start: int, size: int, step: int) -> slice:
    """Python's slice of `size` elements; a stop before element 0 is None."""
    stop = start + size * step
    return slice(start, None if stop < 0 else stop, step)


def lower(site: Site) -> None:
    """ONNX Slice (opset 10 on: starts, ends, axes and steps are inputs)."""
    shape, layout = site.shape(0), site.layout(0)
    first, last = site.integers(1), site.integers(2)
    if first is None or last is None:
        raise site.unsupported("its starts and ends must be constant")
    axes = site.integers(3) or tuple(range(len(first)))
    strides = site.integers(4) or (1,) * len(first)
    box = {axis: (0, shape[axis], 1) for axis in range(len(shape))}
    for axis, start, stop, step in zip(axes, first, last, strides, strict=True):
        found = range(shape[axis])[slice(start, _stop(stop, step, shape[axis]), step)]
        if len(found) == 0:
            raise site.unsupported(f"selects nothing along axis {axis}")
        box[axis % len(shape)] = (found.start, len(found), step)
    starts, sizes, steps = zip(*(box[axis] for axis in layout), strict=True)
    site.emit_moved(Slice(starts, sizes, steps), [site.raw_input(0, layout)], [layout])


def _stop(stop: int, step: int, dim: int) -> int | None:
    """ONNX writes "down to and including element 0" as an end below -dim; Python as None."""
    return None if step < 0 and stop < -dim else stop


OPERATOR = Slice
ONNX = {"Slice": lower}
