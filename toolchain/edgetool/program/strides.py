"""Loop nests over strided tensors, made as short as possible before a kernel runs them.

Kernels walk at most four nested loops. Axes of size 1 vanish and neighbouring axes that are
one run of memory become one, so that most tensors of any rank fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.errors import UnsupportedOperatorError

LOOPS = 4  # nested loops of copy_strided, pad_strided and the elementwise kernels


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements between neighbours along each axis of a contiguous tensor."""
    strides = [1] * len(shape)
    for axis in reversed(range(len(shape) - 1)):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return tuple(strides)


def merge_axes(
    dims: Sequence[int], *strides: Sequence[int]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The same walk in the same order over fewer axes, outermost first: (dims, strides).

    Axes of size 1 are dropped; axes i and i+1 merge where stride i = stride i+1 * dim i+1 in
    every operand.
    """
    kept: list[int] = []
    walks: list[list[int]] = [[] for _ in strides]
    for axis, dim in enumerate(dims):
        if dim == 1:
            continue
        here = [walk[axis] for walk in strides]
        if kept and all(walk[-1] == stride * dim for walk, stride in zip(walks, here, strict=True)):
            kept[-1] *= dim
            for walk, stride in zip(walks, here, strict=True):
                walk[-1] = stride
            continue
        kept.append(dim)
        for walk, stride in zip(walks, here, strict=True):
            walk.append(stride)
    return tuple(kept), [tuple(walk) for walk in walks]


def pad_left(values: Sequence[int], length: int, fill: int, what: str) -> tuple[int, ...]:
    """values with fill before them, `length` numbers in all.

    Raises: UnsupportedOperatorError naming `what` when there are more than `length` values.
    """
    if len(values) > length:
        raise UnsupportedOperatorError(
            f"{what} needs {len(values)} nested loops, the C kernel has {length}",
            hints=("split the operation, or run the model with onnxruntime on a Linux board",),
        )
    return (fill,) * (length - len(values)) + tuple(values)


def broadcast_strides(shape: Sequence[int], out: Sequence[int]) -> tuple[int, ...]:
    """Strides that read a row-major tensor of this shape as if it had out's shape."""
    aligned = (1,) * (len(out) - len(shape)) + tuple(shape)
    strides = row_major(aligned)
    return tuple(0 if dim == 1 else stride for dim, stride in zip(aligned, strides, strict=True))
