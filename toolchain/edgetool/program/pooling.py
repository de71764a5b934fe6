"""What the pooling operators share: windows, kernel parameters, ONNX attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from edgetool.program.operator import Argument, Array, KernelCall
from edgetool.program.overlap import window_lead, with_lead
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site

ARGUMENTS = (Argument("parameters"), Argument("input", 0), Argument("output", 0))

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]  # top, left, bottom, right
Parameters = dict[str, int | float | tuple[int, ...]]


def window_views(
    padded: Array, window: Pair, stride: Pair, out: tuple[int, ...]
) -> Iterator[Array]:
    """For each position in the window the elements it meets: views (…, OH, OW, C) of (…, H, W, C).

    out: the output's shape (1, OH, OW, C).
    """
    for row in range(window[0]):
        for column in range(window[1]):
            last = (row + (out[1] - 1) * stride[0] + 1, column + (out[2] - 1) * stride[1] + 1)
            yield padded[..., row : last[0] : stride[0], column : last[1] : stride[1], :]


def border(padding: Padding, leading: int) -> list[Pair]:
    """Widths for np.pad of an array with `leading` axes before height, width, channels."""
    top, left, bottom, right = padding
    return [(0, 0)] * leading + [(top, bottom), (left, right), (0, 0)]


def pool_parameters(
    x: Tensor, out: Tensor, kernel: Pair, stride: Pair, padding: Padding
) -> Parameters:
    """The fields that all pooling kernels begin with."""
    return {
        "in_height": x.shape[1],
        "in_width": x.shape[2],
        "channels": x.shape[3],
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
        "stride_height": stride[0],
        "stride_width": stride[1],
        "pad_top": padding[0],
        "pad_left": padding[1],
        "out_height": out.shape[1],
        "out_width": out.shape[2],
    }


def pool_call(
    function: str, x: Tensor, out: Tensor, stride: Pair, padding: Padding, parameters: Parameters
) -> KernelCall:
    """The call of a kernel that makes pixel by pixel, channel by channel."""
    itemsize = np.dtype(out.dtype).itemsize
    lead = window_lead(x.shape, out.shape, stride, padding[:2], 1, itemsize)
    return with_lead(KernelCall(function, ARGUMENTS, parameters), lead)


def pool_geometry(site: Site) -> tuple[Pair, Pair, Padding]:
    """(kernel, stride, padding) of an ONNX pool over one or two axes; one gets height 1."""
    rank = len(site.shape(0)) - 2
    if rank not in (1, 2):
        raise site.unsupported(f"pools {rank} axes, one or two expected")
    if site.node.op_type.startswith("Global"):
        size = site.shape(0)[2:]
        return _pair(size, 1), (1, 1), (0, 0, 0, 0)
    if any(dilation != 1 for dilation in site.attribute("dilations", ())):
        raise site.unsupported("dilated pooling")
    kernel = tuple(site.attribute("kernel_shape", ()))
    stride = tuple(site.attribute("strides", (1,) * rank))
    begin, end = _padding(site, kernel, stride)
    top, left = _pair(begin, 0)
    bottom, right = _pair(end, 0)
    return _pair(kernel, 1), _pair(stride, 1), (top, left, bottom, right)


def _pair(values: tuple[int, ...], fill: int) -> Pair:
    return (fill, values[0]) if len(values) == 1 else (values[0], values[1])


def _padding(
    site: Site, kernel: tuple[int, ...], stride: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Padding before and after each spatial axis, as far as windows reach.

    ceil_mode adds to the end; elements that no window meets are left out.
    """
    shape, out = site.shape(0)[2:], site.output_shape()[2:]
    begin = _padding_before(site, kernel, stride, shape, out)
    reach = [(o - 1) * s + k for o, s, k in zip(out, stride, kernel, strict=True)]
    end = tuple(max(r - n - b, 0) for r, n, b in zip(reach, shape, begin, strict=True))
    for axis, size in enumerate(kernel):
        if begin[axis] >= size or end[axis] >= size:
            raise site.unsupported(f"a window of {size} lies in the padding only")
    return begin, end


def _padding_before(
    site: Site,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    shape: tuple[int, ...],
    out: tuple[int, ...],
) -> tuple[int, ...]:
    mode = site.attribute("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return tuple(site.attribute("pads", (0,) * (2 * len(shape)))[: len(shape)])
    if mode == "VALID":
        return (0,) * len(shape)
    needed = zip(out, stride, kernel, shape, strict=True)
    totals = [max((o - 1) * s + k - n, 0) for o, s, k, n in needed]
    return tuple(total // 2 if mode == "SAME_UPPER" else total - total // 2 for total in totals)


def pooled_input(site: Site, tensor: Tensor) -> Tensor:
    """A channels-last input of a pool with height and width: (1, W, C) becomes (1, 1, W, C)."""
    if len(tensor.shape) == 4:
        return tensor
    return site.reshaped(tensor, (tensor.shape[0], 1, *tensor.shape[1:]))


def pooled_shape(site: Site) -> tuple[int, int, int, int]:
    """The channels-last output shape with height and width."""
    shape = site.output_shape()
    rows, columns = _pair(shape[2:], 1)
    return shape[0], rows, columns, shape[1]
