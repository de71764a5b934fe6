"""Operators that move, cut, join or rename elements."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from edgetool.importers.tflite.layout import Layout, Shape, same_memory_order
from edgetool.importers.tflite.operation import Operation


def reshape(operation: Operation) -> None:
    """Reshape to the shape that is given as input, option, or the output's own."""
    _emit_reshape(operation, _new_shape(operation))


def squeeze(operation: Operation) -> None:
    """Reshape without some (all, where none is named) dimensions of 1."""
    shape = operation.input(0).shape
    named = [operation.axis(number, len(shape)) for number in operation.option("SqueezeDims")]
    axes = named or [axis for axis, size in enumerate(shape) if size == 1]
    if any(shape[axis] != 1 for axis in axes):
        raise operation.error(f"dimensions {axes} of {list(shape)} are not all 1")
    _emit_reshape(operation, tuple(n for axis, n in enumerate(shape) if axis not in axes))


def expand_dims(operation: Operation) -> None:
    """Reshape with one more dimension of 1."""
    shape, axes = operation.input(0).shape, operation.integers(1)
    if len(axes) != 1:
        raise operation.error(f"{len(axes)} axes, one expected")
    axis = operation.axis(axes[0], len(shape) + 1)
    _emit_reshape(operation, (*shape[:axis], 1, *shape[axis:]))


def transpose(operation: Operation) -> None:
    """Transpose of the file's order of axes."""
    data, order = operation.input(0), operation.integers(1)
    rank = len(data.shape)
    permutation = tuple(operation.axis(number, rank) for number in order)
    if sorted(permutation) != list(range(rank)):
        raise operation.error(f"{list(order)} is no permutation of {rank} axes")
    shape = tuple(data.shape[axis] for axis in permutation)
    as_integers = operation.keeps_integers([data, operation.output()])
    inputs = [operation.moved(0, Layout.FILE, as_integers)]
    operation.move("Transpose", inputs, shape, Layout.FILE, as_integers, {"perm": permutation})


def concatenation(operation: Operation) -> None:
    """Concat; inputs with scales of their own go through float32."""
    tensors = operation.inputs()
    if not tensors:
        raise operation.error("it has no inputs")
    rank = len(tensors[0].shape)
    axis = operation.axis(operation.option("Axis"), rank)
    rests = {(*tensor.shape[:axis], *tensor.shape[axis + 1 :]) for tensor in tensors}
    if len(rests) > 1 or any(len(tensor.shape) != rank for tensor in tensors):
        raise operation.error(f"shapes {[list(tensor.shape) for tensor in tensors]} do not join")
    total = sum(tensor.shape[axis] for tensor in tensors)
    shape = (*tensors[0].shape[:axis], total, *tensors[0].shape[axis + 1 :])
    layout = operation.layout(tensors)
    as_integers = operation.keeps_integers([*tensors, operation.output()])
    inputs = [operation.moved(index, layout, as_integers) for index in range(len(tensors))]
    values = {"axis": layout.axis(axis)}
    operation.move("Concat", inputs, shape, layout, as_integers, values)


def pad(operation: Operation) -> None:
    """Pad with zeros (the zero point where integers are padded), or PADV2's own constant."""
    data, amounts = operation.input(0), operation.integers(1)
    rank = len(data.shape)
    if len(amounts) != 2 * rank or min(amounts, default=0) < 0:
        raise operation.error(f"pads {list(amounts)} for {rank} dimensions")
    begins, ends = amounts[::2], amounts[1::2]
    shape = tuple(sum(sizes) for sizes in zip(begins, data.shape, ends, strict=True))
    layout = operation.layout([data])
    tensors = [data, operation.output(), *([operation.input(2)] if operation.has(2) else [])]
    as_integers = operation.keeps_integers(tensors)
    value = operation.moved(0, layout, as_integers)
    inputs = [
        value,
        operation.builder.integers(
            f"{operation.name}/pads", (*layout.place(begins), *layout.place(ends))
        ),
        _padding_value(operation, as_integers),
    ]
    operation.move("Pad", inputs, shape, layout, as_integers)


def _padding_value(operation: Operation, as_integers: bool) -> ir.Value:
    """A scalar in the type that is padded."""
    if operation.has(2):
        if operation.input(2).elements != 1 or operation.input(2).data is None:
            raise operation.error(f"{operation.input(2).label} must be one constant")
        value = operation.moved(2, Layout.FILE, as_integers)
        if operation.input(2).shape == ():
            return value
        target = operation.builder.integers(f"{operation.name}/scalar", ())
        output = ((), value.dtype or ir.DataType.FLOAT)
        return operation.builder.node("Reshape", [value, target], output, f"{operation.name}/value")
    data = operation.input(0)
    number, dtype = 0, "float32"
    if as_integers:
        dtype = data.dtype
        number = int(data.scales.zero_point[0]) if data.scales is not None else 0
    return operation.builder.constant(f"{operation.name}/value", np.array(number, dtype))


def slice_(operation: Operation) -> None:
    """Slice from `begin` of `size` elements; a size of -1 reaches to the end."""
    data, begins, sizes = operation.input(0), operation.integers(1), operation.integers(2)
    rank = len(data.shape)
    if not len(begins) == len(sizes) == rank:
        raise operation.error(f"begin {list(begins)}, size {list(sizes)} of {list(data.shape)}")
    cuts = [
        slice(begin, limit if size == -1 else begin + size, 1)
        for begin, size, limit in zip(begins, sizes, data.shape, strict=True)
    ]
    for cut, limit in zip(cuts, data.shape, strict=True):
        if not 0 <= cut.start < cut.stop <= limit:
            raise operation.error(f"begin {list(begins)}, size {list(sizes)} of {list(data.shape)}")
    _emit_slice(operation, cuts)


def strided_slice(operation: Operation) -> None:
    """Slice with masks; `shrink_axis_mask` drops dimensions by a Reshape behind it.

    A slice of a constant is a constant (Keras computes the shape of a Reshape like this).
    """
    data = operation.input(0)
    cuts, dropped = _strided_cuts(operation, data.shape)
    if data.data is not None:
        contents = data.data[tuple(cuts)]
        kept = [n for axis, n in enumerate(contents.shape) if axis not in dropped]
        operation.check_shape(tuple(kept))
        operation.emitter.fold(operation.output().index, contents.reshape(kept))
        return
    if not dropped:
        _emit_slice(operation, cuts)
        return
    as_integers = operation.keeps_integers([data, operation.output()])
    value = operation.moved(0, Layout.FILE, as_integers)
    shape = _cut_shape(operation, cuts, data.shape)
    output = (shape, value.dtype or ir.DataType.FLOAT)
    inputs = [value, *_slice_inputs(operation, cuts, data.shape, Layout.FILE)]
    value = operation.builder.node("Slice", inputs, output, f"{operation.name}/slice")
    kept_shape = tuple(n for axis, n in enumerate(shape) if axis not in dropped)
    target = operation.builder.integers(f"{operation.name}/shape", kept_shape)
    operation.move("Reshape", [value, target], kept_shape, Layout.FILE, as_integers)


def _strided_cuts(operation: Operation, shape: Shape) -> tuple[list[slice], set[int]]:
    """One slice a dimension, and the dimensions that are dropped."""
    starts, stops, steps = (operation.integers(index) for index in (1, 2, 3))
    if not len(starts) == len(stops) == len(steps) <= len(shape) or 0 in steps:
        raise operation.error(f"{list(starts)} to {list(stops)} by {list(steps)}")
    if operation.option("EllipsisMask") or operation.option("NewAxisMask"):
        raise operation.error("ellipsis_mask and new_axis_mask are not read")
    if operation.option("Offset"):
        raise operation.error("ends relative to begins are not read")
    cuts = [slice(0, size, 1) for size in shape]
    dropped = set()
    for axis, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        if operation.option("ShrinkAxisMask") >> axis & 1:
            dropped.add(axis)
            start = operation.axis(start, shape[axis])
            cuts[axis] = slice(start, start + 1, 1)
            continue
        first = None if operation.option("BeginMask") >> axis & 1 else start
        last = None if operation.option("EndMask") >> axis & 1 else stop
        cuts[axis] = slice(first, last, step)
    return cuts, dropped


def split(operation: Operation) -> None:
    """Split into equal parts; inputs are the axis and the data."""
    data, results = operation.input(1), operation.outputs()
    axes, count = operation.integers(0), operation.option("NumSplits")
    if len(axes) != 1 or count < 1 or count != len(results):
        raise operation.error(f"{count} parts, {len(results)} outputs, axes {list(axes)}")
    axis = operation.axis(axes[0], len(data.shape))
    if data.shape[axis] % count:
        raise operation.error(f"{data.shape[axis]} elements do not make {count} equal parts")
    size = data.shape[axis] // count
    shape = (*data.shape[:axis], size, *data.shape[axis + 1 :])
    for index in range(count):
        operation.check_shape(shape, index)
    if not operation.keeps_integers([data, *results]):
        raise operation.error("its outputs have other scales than its input")
    layout = operation.layout([data])
    value = operation.moved(1, layout, as_integers=True)
    sizes = operation.builder.integers(f"{operation.name}/sizes", [size] * count)
    output = (layout.place(shape), value.dtype or ir.DataType.FLOAT)
    parts = operation.builder.many(
        "Split", [value, sizes], [output] * count, operation.name, {"axis": layout.axis(axis)}
    )
    for result, part in zip(results, parts, strict=True):
        operation.emitter.define(result.index, layout, part)


def _emit_reshape(operation: Operation, shape: Shape) -> None:
    data = operation.input(0)
    if math.prod(shape) != data.elements:
        raise operation.error(f"{list(data.shape)} does not become {list(shape)}")
    if data.data is not None:
        operation.check_shape(shape)
        operation.emitter.fold(operation.output().index, data.data.reshape(shape))
        return
    layout = operation.layout([data])
    layout = layout if same_memory_order(data.shape) else Layout.FILE
    as_integers = operation.keeps_integers([data, operation.output()])
    value = operation.moved(0, layout, as_integers)
    target = operation.builder.integers(f"{operation.name}/shape", shape)
    operation.move("Reshape", [value, target], shape, Layout.FILE, as_integers)


def _new_shape(operation: Operation) -> Shape:
    elements = operation.input(0).elements
    given = operation.integers(1) if operation.has(1) else operation.option("NewShape")
    shape = list(given or operation.output().shape)
    if shape.count(-1) > 1 or min(shape, default=1) < -1:
        raise operation.error(f"its new shape is {shape}")
    if -1 in shape:
        rest = -math.prod(shape)
        shape[shape.index(-1)] = elements // rest if rest else 0
    return tuple(shape)


def _emit_slice(operation: Operation, cuts: list[slice]) -> None:
    data = operation.input(0)
    layout = operation.layout([data])
    as_integers = operation.keeps_integers([data, operation.output()])
    value = operation.moved(0, layout, as_integers)
    shape = _cut_shape(operation, cuts, data.shape)
    inputs = [value, *_slice_inputs(operation, cuts, data.shape, layout)]
    operation.move("Slice", inputs, shape, layout, as_integers)


def _cut_shape(operation: Operation, cuts: list[slice], shape: Shape) -> Shape:
    result = tuple(len(range(*c.indices(n))) for c, n in zip(cuts, shape, strict=True))
    if 0 in result:
        raise operation.error(f"nothing of {list(shape)} is left")
    return result


def _slice_inputs(
    operation: Operation, cuts: list[slice], shape: Shape, layout: Layout
) -> list[ir.Value]:
    """starts, ends, axes and steps of the dimensions that are cut, in a layout."""
    found = []
    for axis, (cut, size) in enumerate(zip(cuts, shape, strict=True)):
        start, stop, step = cut.indices(size)
        if (start, stop, step) != (0, size, 1):
            # Python's -1 means "beyond the first element"; ONNX would count it from the end.
            stop = -size - 1 if stop < 0 else stop
            found.append((start, stop, layout.axis(axis), step))
    rows = sorted(found, key=lambda row: row[2]) or [(0, shape[0], layout.axis(0), 1)]
    names = ("starts", "ends", "axes", "steps")
    columns = zip(*rows, strict=True)
    return [
        operation.builder.integers(f"{operation.name}/{name}", column)
        for name, column in zip(names, columns, strict=True)
    ]
