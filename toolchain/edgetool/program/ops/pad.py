"""A constant border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgetool.program.copying import pad_call
from edgetool.program.lookup import only_input
from edgetool.program.operator import Array, KernelCall, Operator, Step, quantize_bound
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site


@dataclass(frozen=True)
class Pad(Operator):
    """before[i] and after[i] elements of a value around axis i.

    value: real; integers are filled with it quantized, so 0 is the zero point. -inf fills
    integers with the smallest code. Scale and zero point are the input's.
    """

    kind: ClassVar[str] = "pad"
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    value: float = 0.0

    def execute(self, step: Step) -> Sequence[Array]:
        """x with its border."""
        widths = [(0, 0), *zip(self.before, self.after, strict=True)]
        fill = self.fill(step.output)
        return (np.pad(step.value(0), widths, constant_values=fill),)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """pad_strided."""
        out = outputs[0]
        element = np.array(self.fill(out), out.dtype)
        bits = element.view(f"int{8 * element.itemsize}")
        return pad_call(only_input(inputs), out, self.before, int(bits))

    def fill(self, out: Tensor) -> int | float:
        """The border's element."""
        if out.dtype == "float32":
            return self.value
        if out.quantization is None:
            return int(self.value)
        info = np.iinfo(out.dtype)
        if np.isinf(self.value):
            return int(info.max if self.value > 0 else info.min)
        return min(max(quantize_bound(self.value, out), int(info.min)), int(info.max))


def lower(site: Site) -> None:
    """ONNX Pad, constant mode, no negative widths."""
    if site.attribute("mode", "constant") != "constant":
        raise site.unsupported(f"padding mode '{site.attribute('mode')}', constant expected")
    shape, layout = site.shape(0), site.layout(0)
    before, after = _widths(site, len(shape))
    if min(before + after) < 0:
        raise site.unsupported("negative padding", "use Slice to cut a border off")
    value = float(site.constant(2).as_float().reshape(-1)[0]) if site.has(2) else 0.0
    operator = Pad(
        tuple(before[axis] for axis in layout), tuple(after[axis] for axis in layout), value
    )
    site.emit_moved(operator, [site.raw_input(0, layout)], [layout])


def _widths(site: Site, rank: int) -> tuple[list[int], list[int]]:
    """(before, after) of each ONNX axis."""
    pads = site.integers(1)
    if pads is None:
        raise site.unsupported("its widths must be constant")
    axes = site.integers(3) or tuple(range(rank))
    before, after = [0] * rank, [0] * rank
    for position, axis in enumerate(axes):
        before[axis % rank] = pads[position]
        after[axis % rank] = pads[position + len(axes)]
    return before, after


OPERATOR = Pad
ONNX = {"Pad": lower}
