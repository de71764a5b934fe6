"""The two orders of axes of a four-dimensional tensor, and shapes in both."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

Shape = tuple[int, ...]

_TO_CHANNELS_FIRST = (0, 3, 1, 2)
_TO_FILE = (0, 2, 3, 1)


class Layout(Enum):
    """FILE: as the .tflite has it (NHWC for images).   CHANNELS_FIRST: NCHW, rank 4 only."""

    FILE = "file"
    CHANNELS_FIRST = "nchw"

    @property
    def permutation(self) -> Shape:
        """How a rank 4 tensor in the other layout is transposed into this one."""
        return _TO_FILE if self is Layout.FILE else _TO_CHANNELS_FIRST

    @property
    def other(self) -> Layout:
        """The other of the two."""
        return Layout.CHANNELS_FIRST if self is Layout.FILE else Layout.FILE

    def place(self, per_axis: Sequence[int]) -> Shape:
        """Sizes (pads, starts …) given in the file's order of axes, in this order."""
        if self is Layout.FILE:
            return tuple(per_axis)
        return tuple(per_axis[axis] for axis in _TO_CHANNELS_FIRST)

    def axis(self, file_axis: int) -> int:
        """Where an axis of the file's order is in this order."""
        return file_axis if self is Layout.FILE else _TO_CHANNELS_FIRST.index(file_axis)


def same_memory_order(shape: Shape) -> bool:
    """Whether NHWC and NCHW hold a tensor's elements in the same order.

    shape: NHWC. True when there is one channel, or one pixel.
    """
    return len(shape) == 4 and (shape[3] == 1 or shape[1] * shape[2] == 1)
