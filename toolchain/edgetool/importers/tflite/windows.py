"""Output sizes and explicit pads of convolution and pooling windows.

Source: LiteRT's ComputeOutSize and ComputePaddingWithOffset (kernels/padding.h).
"""

from __future__ import annotations

from dataclasses import dataclass

from edgetool.importers.tflite.operation import Operation

_SAME, _VALID = 0, 1


@dataclass(frozen=True)
class Window:
    """A window sliding over one spatial axis: sizes in elements, stride and dilation from 1."""

    kernel: int
    stride: int
    dilation: int = 1

    @property
    def extent(self) -> int:
        """Elements between the window's first and last, both included."""
        return (self.kernel - 1) * self.dilation + 1

    def output(self, size: int, same: bool) -> int:
        """Number of positions; less than 1 when the window does not fit."""
        reach = size if same else size - self.extent + 1
        return -(-reach // self.stride)

    def pads(self, size: int, same: bool) -> tuple[int, int]:
        """Elements added before and after; the odd one comes after."""
        if not same:
            return 0, 0
        total = max(0, (self.output(size, same) - 1) * self.stride + self.extent - size)
        return total // 2, total - total // 2


def is_same_padding(operation: Operation) -> bool:
    """Whether the padding option is SAME.   Raises: ModelFormatError if it is neither."""
    padding = operation.option("Padding")
    if padding not in (_SAME, _VALID):
        raise operation.error(f"padding {padding} is unknown")
    return bool(padding == _SAME)


def spatial_windows(operation: Operation, kernel: tuple[int, int]) -> tuple[Window, Window]:
    """Windows along height and width, from the operator's options.

    Raises: ModelFormatError when a size, stride or dilation is less than 1.
    """
    options = operation.operator.options
    windows = (
        Window(kernel[0], options["StrideH"], options.get("DilationHFactor", 1)),
        Window(kernel[1], options["StrideW"], options.get("DilationWFactor", 1)),
    )
    if any(min(window.kernel, window.stride, window.dilation) < 1 for window in windows):
        raise operation.error(f"its window cannot be: {windows[0]}, {windows[1]}")
    return windows


def attributes(
    windows: tuple[Window, Window], sizes: tuple[int, int], same: bool
) -> dict[str, tuple[int, ...]]:
    """kernel_shape, strides and pads as ONNX wants them. sizes: height and width."""
    ends = [window.pads(size, same) for window, size in zip(windows, sizes, strict=True)]
    return {
        "kernel_shape": tuple(window.kernel for window in windows),
        "strides": tuple(window.stride for window in windows),
        "pads": (ends[0][0], ends[1][0], ends[0][1], ends[1][1]),
    }
