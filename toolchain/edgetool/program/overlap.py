"""How closely an operation's output may follow the input that it overwrites.

A kernel that walks over the image from its first pixel to its last is done with the first rows
of its input long before it writes the last rows of its output: both may share memory when the
input begins far enough behind. Source: Blacker et al., "Diagonal Memory Optimisation for Machine
Learning on Micro-controllers" (2020).

Every lead here is the largest distance, over the moments of a kernel's run, between the end of
what it has written and the beginning of what it still has to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.program.operator import KernelCall
from edgetool.program.tensor import Tensor

Pair = tuple[int, int]
Positions = npt.NDArray[Any]


def with_lead(call: KernelCall, lead_bytes: int, multiple: int = 1) -> KernelCall:
    """The call whose first output may lie over its first input."""
    return replace(call, lead_bytes={0: lead_bytes}, lead_multiple=multiple)


def window_lead(
    x: Sequence[int],
    output: Sequence[int],
    stride: Pair,
    pads: Pair,
    pixels: int,
    itemsize: int = 1,
) -> int:
    """The lead of a kernel that makes output pixels in row-major order, a few at a time.

    x, output: (1, height, width, channels).   pads: top, left.   pixels: how many output pixels,
    all channels of them, may be written before the last read of the input for the first of them;
    0 for a kernel that reads all that it needs before it writes, output.width for one that makes
    a row at a time. The kernel reads no byte in front of the first tap of the first pixel that
    it still has to make.
    Returns: bytes, at least 0, as in KernelCall.lead_bytes.
    """
    _, height, width, channels = output
    rows = np.maximum(0, np.arange(height) * stride[0] - pads[0])
    columns = np.maximum(0, np.arange(width) * stride[1] - pads[1])
    first_read = (rows[:, None] * x[2] + columns).ravel() * x[3] * itemsize
    return ordered_lead(first_read, channels * itemsize, pixels)


def strip_lead(x: Sequence[int], output: Sequence[int], stride: int, pad: int, rows: int) -> int:
    """The lead of a kernel that makes strips of output rows, within them channel by channel.

    For each channel it reads all that the strip needs before it writes, from the rows under the
    strip's windows. x and output have the same channels, so that a channel's output overwrites
    only inputs of the same channel: the distance must be a multiple of the channels.
    stride, pad: along the height.
    """
    starts = np.arange(0, output[1], rows)
    still_read = np.maximum(0, starts * stride - pad) * x[2]
    return max(0, int(np.max(starts * output[2] - still_read))) * x[3]


def stream_lead(
    x: Sequence[int], output: Sequence[int], stride: int, kernel: int, pad: int, rows: int = 1
) -> int:
    """The lead of a kernel that makes strips of output rows, reads each input row once, just
    before the strip that needs it first, and keeps the rows of a window aside; channels as in
    strip_lead.

    kernel: rows that a window spans.   stride, pad: along the height.
    """
    made = np.arange(rows, output[1], rows)
    still_read = np.clip((made - 1) * stride + kernel - pad, 0, x[1]) * x[2]
    return max(0, int(np.max(made * output[2] - still_read, initial=0))) * x[3]


def ordered_lead(first_read: Positions, step: int, ahead: int) -> int:
    """The lead of a kernel that writes pieces of `step` bytes in order.

    first_read: for each piece, the first byte of the input that it needs.   ahead: how many
    pieces may be written before the last read for the first of them.
    """
    if first_read.size == 0:
        return 0
    still_read = np.minimum.accumulate(first_read[::-1])[::-1]
    count = len(first_read)
    written = np.minimum(np.arange(count) + ahead, count) * step
    return max(0, int(np.max(written - still_read)))


def elementwise_leads(call: KernelCall, inputs: Sequence[Tensor | None], out: Tensor) -> KernelCall:
    """The call of a kernel that reads each element just before it writes its result, in order.

    Inputs of other sizes than the output's are broadcast: they are read again and may not be
    overwritten; nor may elements be read as another type than they are written as, unless one of
    them is a char: compilers may exchange such accesses.
    """
    leads = {}
    for index, x in enumerate(inputs):
        if x is None or x.is_constant or x.elements != out.elements:
            continue
        sizes = [np.dtype(tensor.dtype).itemsize for tensor in (out, x)]
        if x.dtype == out.dtype or 1 in sizes:
            leads[index] = max(0, (out.elements - 1) * (sizes[0] - sizes[1]))
    return replace(call, lead_bytes=leads)
