"""What ONNX Conv and ConvTranspose share when they lower: 1-D as 2-D, padding, weights, bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgetool.program.accumulators import weight_scales
from edgetool.program.layouts import Layout, channels_last
from edgetool.program.operator import Operator
from edgetool.program.tensor import Quantization, Tensor
from edgetool.program.windows import Padding, Pair, extent

if TYPE_CHECKING:
    from edgetool.program.site import Site


class ConvolutionSite:
    """A Site of one or two spatial axes; one axis becomes an image of height 1.

    Raises: UnsupportedOperatorError for other ranks and for computed weights.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.rank = len(site.shape(0))
        if self.rank not in (3, 4):
            raise site.unsupported(f"a convolution over {self.rank - 2} spatial axes")
        if {len(site.shape(1)), len(site.output_shape())} != {self.rank}:
            raise site.unsupported("a convolution whose weights or output have another rank")
        if not site.is_constant(1):
            raise site.unsupported("a convolution whose weights are computed")

    def image(self) -> Tensor:
        """The input as (1, H, W, C)."""
        x = self.site.input(0, channels_last(self.rank))
        return x if self.rank == 4 else self.site.reshaped(x, (x.shape[0], 1, *x.shape[1:]))

    def weights(self, layout: Layout) -> Tensor:
        """The weights in a layout of (first, second, height, width) that keeps height < width."""
        if self.rank == 4:
            return self.site.weights(1, layout)
        flat = self.site.weights(1, tuple(axis - (axis == 3) for axis in layout if axis != 2))
        height = layout.index(2)
        data = np.expand_dims(np.asarray(flat.data), height)
        return self.site.add_constant(flat.name, data, _inserted(flat.quantization, height))

    def bias(self, x: Tensor, weights: Tensor) -> Tensor | None:
        """The bias (O,)."""
        scale = np.ones(1, np.float32)
        if self.site.quantized:
            scale = np.asarray(x.scale * weight_scales(weights), np.float32)
        return self.site.bias(2, scale)

    def strides(self) -> Pair:
        """Vertical and horizontal stride."""
        return self._pair("strides")

    def dilations(self) -> Pair:
        """Vertical and horizontal distance of taps."""
        return self._pair("dilations")

    def padding(self) -> Padding:
        """Top, left, bottom, right zeros around the input."""
        mode = self._auto_pad()
        if mode is None:
            return self._pads()
        sizes = self._spatial(self.site.shape(0)[2:], 1)
        covered = extent(self._kernel(), self.dilations())
        output = [-(-size // step) for size, step in zip(sizes, self.strides(), strict=True)]
        return _split(
            [
                max(0, (count - 1) * step + cover - size)
                for count, step, cover, size in zip(
                    output, self.strides(), covered, sizes, strict=True
                )
            ],
            mode,
        )

    def transposed_padding(self) -> Padding:
        """Top, left, bottom, right cuts of a transposed convolution's full result.

        Source: ONNX ConvTranspose: an output_shape or auto_pad decides the total, whose odd
        part is cut at the end only for SAME_UPPER.
        """
        sizes = self._spatial(self.site.shape(0)[2:], 1)
        steps, kernel = self.strides(), self._kernel()
        output = self._spatial(self.site.output_shape()[2:], 1)
        full = [(s - 1) * step + k for s, step, k in zip(sizes, steps, kernel, strict=True)]
        totals = [size - wanted for size, wanted in zip(full, output, strict=True)]
        if self._auto_pad() is None and self.site.attribute("output_shape") is None:
            top, left = self._pads()[:2]
            return top, left, totals[0] - top, totals[1] - left
        if any(self.site.attribute("output_padding") or ()):
            raise self.site.unsupported("output_padding together with output_shape or auto_pad")
        return _split(totals, self._auto_pad() or "SAME_LOWER")

    def emit(self, operator: Operator, inputs: Sequence[Tensor | None]) -> None:
        """Append the operation; a 1-D output loses its height again."""
        layout = channels_last(self.rank)
        if self.rank == 4:
            self.site.emit(operator, inputs, layout)
            return
        batch, channels, width = self.site.output_shape()
        self.site.emit(operator, inputs, layout, shape=(batch, 1, width, channels))

    def _kernel(self) -> Pair:
        height, width = self._spatial(self.site.shape(1)[2:], 1)
        return height, width

    def _pair(self, name: str) -> Pair:
        given = self.site.attribute(name) or (1,) * (self.rank - 2)
        first, second = self._spatial(given, 1)
        return first, second

    def _pads(self) -> Padding:
        given = [int(pad) for pad in self.site.attribute("pads") or (0,) * 2 * (self.rank - 2)]
        if min(given) < 0:
            raise self.site.unsupported(f"negative padding {given}")
        if self.rank == 3:
            return 0, given[0], 0, given[1]
        top, left, bottom, right = given
        return top, left, bottom, right

    def _spatial(self, values: Sequence[int], missing: int) -> list[int]:
        numbers = [int(value) for value in values]
        return numbers if self.rank == 4 else [missing, *numbers]

    def _auto_pad(self) -> str | None:
        """SAME_UPPER or SAME_LOWER; None when the pads are given or absent (VALID)."""
        mode = self.site.attribute("auto_pad", "NOTSET")
        mode = mode.decode() if isinstance(mode, bytes) else str(mode)
        return mode if mode.startswith("SAME") else None


def _split(totals: Sequence[int], mode: str) -> Padding:
    """Top, left, bottom, right of the totals; the odd one at the end for SAME_UPPER.

    Negative totals (rows to add) go to the end.
    """
    upper = mode == "SAME_UPPER"
    first = [max(0, total) // 2 if upper else (max(0, total) + 1) // 2 for total in totals]
    return first[0], first[1], totals[0] - first[0], totals[1] - first[1]


def _inserted(quantization: Quantization | None, axis: int) -> Quantization | None:
    """The quantization of a tensor after an axis of 1 was put in."""
    if quantization is None or quantization.axis is None:
        return quantization
    moved = quantization.axis + (quantization.axis >= axis)
    return Quantization(quantization.scale, quantization.zero_point, moved)
