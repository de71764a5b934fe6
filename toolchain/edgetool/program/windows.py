"""Sliding windows over channels-last images: sizes, padding, patches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Array = npt.NDArray[Any]
Pair = tuple[int, int]
Padding = tuple[int, int, int, int]  # top, left, bottom, right

CHUNK_BYTES = 128 << 20


def extent(kernel: Pair, dilation: Pair) -> Pair:
    """Height and width that a dilated kernel covers."""
    return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1


def pad_image(x: Array, padding: Padding, value: float) -> Array:
    """x (samples, H, W, C) with rows and columns of value around it."""
    if not any(padding):
        return x
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def patches(x: Array, kernel: Pair, stride: Pair, dilation: Pair) -> Array:
    """View (samples, OH, OW, kh, kw, C) of the padded image x (samples, H, W, C)."""
    height, width = extent(kernel, dilation)
    views = sliding_window_view(x, (height, width), axis=(1, 2))
    views = views[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return np.asarray(views.transpose(0, 1, 2, 4, 5, 3))


def sample_chunks(samples: int, bytes_per_sample: int) -> Iterator[slice]:
    """Slices that cover samples; each needs at most CHUNK_BYTES, or is one sample."""
    size = max(1, CHUNK_BYTES // max(1, bytes_per_sample))
    return (slice(start, min(start + size, samples)) for start in range(0, samples, size))


def image_parameters(
    x: Sequence[int], output: Sequence[int], kernel: Sequence[int]
) -> dict[str, int]:
    """Sizes that every kernel over images takes. x, output: (1, height, width, channels)."""
    return {
        "in_height": x[1],
        "in_width": x[2],
        "in_channels": x[3],
        "out_height": output[1],
        "out_width": output[2],
        "out_channels": output[3],
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
    }
