"""How closely an operation's output may follow the input that it overwrites.

A kernel that walks over the image from its first pixel to its last is done with the first rows
of its input long before it writes the last rows of its output: both may share memory when the
input begins far enough behind. Source: Blacker et al., "Diagonal Memory Optimisation for Machine
Learning on Micro-controllers" (2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Pair = tuple[int, int]


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
    output.width for a kernel that makes a row at a time. The kernel reads no byte in front of
    the first tap of the first pixel that it still has to make.
    Returns: bytes, at least 0, as in KernelCall.lead_bytes.
    """
    _, height, width, channels = output
    rows = np.maximum(0, np.arange(height) * stride[0] - pads[0])
    columns = np.maximum(0, np.arange(width) * stride[1] - pads[1])
    first_read = (rows[:, None] * x[2] + columns).ravel() * x[3] * itemsize
    still_read = np.minimum.accumulate(first_read[::-1])[::-1]
    written = np.minimum(np.arange(height * width) + pixels, height * width) * channels * itemsize
    return max(0, int(np.max(written - still_read)))
