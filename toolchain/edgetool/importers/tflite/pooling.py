"""MAX_POOL_2D, AVERAGE_POOL_2D, MEAN and the two resizes."""

from __future__ import annotations

import onnx_ir as ir

from edgetool.importers.tflite.layout import Layout, Shape
from edgetool.importers.tflite.operation import Operation
from edgetool.importers.tflite.records import LiteTensor
from edgetool.importers.tflite.windows import attributes, is_same_padding, spatial_windows


def average_pool_2d(operation: Operation) -> None:
    """AveragePool; padding is not counted."""
    shape, values = _pool(operation)
    first = Layout.CHANNELS_FIRST
    values = {**values, "count_include_pad": 0}
    operation.compute("AveragePool", [operation.real(0, first)], shape, first, values)


def max_pool_2d(operation: Operation) -> None:
    """MaxPool, on the integers themselves where input and output share their scale."""
    shape, values = _pool(operation)
    first = Layout.CHANNELS_FIRST
    as_integers = operation.keeps_integers([operation.input(0), operation.output()])
    inputs = [operation.moved(0, first, as_integers)]
    operation.move("MaxPool", inputs, shape, first, as_integers, values)


def _pool(operation: Operation) -> tuple[Shape, dict[str, int | tuple[int, ...]]]:
    batch, height, width, channels = operation.require_rank(operation.input(0), 4)
    kernel = (operation.option("FilterHeight"), operation.option("FilterWidth"))
    windows, same = spatial_windows(operation, kernel), is_same_padding(operation)
    sizes = [w.output(n, same) for w, n in zip(windows, (height, width), strict=True)]
    if min(sizes) < 1:
        raise operation.error(f"its window {kernel} is larger than its input {height}x{width}")
    values = attributes(windows, (height, width), same)
    return (batch, sizes[0], sizes[1], channels), {**values}


def mean(operation: Operation) -> None:
    """ReduceMean over constant axes."""
    data, keeps = operation.input(0), bool(operation.option("KeepDims"))
    rank = len(data.shape)
    axes = sorted({operation.axis(number, rank) for number in operation.integers(1)})
    if not axes:
        raise operation.error("it has no axes")
    if keeps:
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(data.shape))
    else:
        shape = tuple(size for axis, size in enumerate(data.shape) if axis not in axes)
    layout = _mean_layout(operation, data, axes, keeps)
    values = {"axes": sorted(layout.axis(axis) for axis in axes), "keepdims": int(keeps)}
    value = operation.real(0, layout)
    if keeps:
        operation.compute("ReduceMean", [value], shape, layout, values)
        return
    # What is left is in the file's order of axes, whichever layout went in.
    operation.compute("ReduceMean", [value], shape, Layout.FILE, values)


def _mean_layout(operation: Operation, data: LiteTensor, axes: list[int], keeps: bool) -> Layout:
    """NCHW where it is at hand and, without kept dimensions, leaves the same order as NHWC."""
    layout = operation.layout([data])
    if keeps or layout is Layout.FILE:
        return layout
    kept = [axis for axis in layout.place(range(4)) if axis not in axes]
    return layout if kept == sorted(kept) else Layout.FILE


def resize_nearest_neighbor(operation: Operation) -> None:
    """Resize by the nearest pixel; LiteRT rounds down, or to the nearest with its options on."""
    shape, mode = _resized(operation)
    nearest = "floor" if mode == "asymmetric" else "round_prefer_ceil"
    as_integers = operation.keeps_integers([operation.input(0), operation.output()])
    layout = Layout.CHANNELS_FIRST
    inputs = [operation.moved(0, layout, as_integers), None, None, _sizes(operation, shape)]
    values = {
        "mode": "nearest",
        "coordinate_transformation_mode": mode,
        "nearest_mode": nearest,
    }
    operation.move("Resize", inputs, shape, layout, as_integers, values)


def resize_bilinear(operation: Operation) -> None:
    """Resize by linear interpolation along height and width."""
    shape, mode = _resized(operation)
    layout = Layout.CHANNELS_FIRST
    inputs = [operation.real(0, layout), None, None, _sizes(operation, shape)]
    values = {"mode": "linear", "coordinate_transformation_mode": mode}
    operation.compute("Resize", inputs, shape, layout, values)


def _resized(operation: Operation) -> tuple[Shape, str]:
    """Shape of the result, and ONNX's name for how coordinates map."""
    batch, _, _, channels = operation.require_rank(operation.input(0), 4)
    sizes = operation.integers(1)
    if len(sizes) != 2 or min(sizes) < 1:
        raise operation.error(f"its new size is {list(sizes)}")
    corners, half = operation.option("AlignCorners"), operation.option("HalfPixelCenters")
    if corners and half:
        raise operation.error("align_corners and half_pixel_centers exclude each other")
    mode = "align_corners" if corners else "half_pixel" if half else "asymmetric"
    return (batch, sizes[0], sizes[1], channels), mode


def _sizes(operation: Operation, shape: Shape) -> ir.Value:
    name = f"{operation.name}/sizes"
    return operation.builder.integers(name, Layout.CHANNELS_FIRST.place(shape))
