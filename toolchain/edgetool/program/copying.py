"""Kernel calls of operators that only move elements: copies of runs of bytes in four loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgetool.program.operator import Argument, KernelCall
from edgetool.program.overlap import ordered_lead, with_lead
from edgetool.program.strides import LOOPS, merge_axes, pad_left, row_major
from edgetool.program.tensor import Tensor

Numbers = tuple[int, ...]


def element_bytes(tensor: Tensor) -> int:
    """Size of one element."""
    return int(np.dtype(tensor.dtype).itemsize)


def strided_runs(
    dims: Sequence[int], strides: Sequence[int], item_bytes: int, what: str
) -> dict[str, int | Numbers]:
    """The walk over a strided tensor as loops of byte runs: dims, strides and run_bytes.

    dims: elements along each axis, outermost first.   strides: in elements.
    Returned strides are in bytes; run_bytes consecutive bytes are moved at once.
    """
    merged, [steps] = merge_axes(dims, strides)
    run = item_bytes
    if steps and steps[-1] == 1:
        run = item_bytes * merged[-1]
        merged, steps = merged[:-1], steps[:-1]
    return {
        "dims": pad_left(merged, LOOPS, 1, what),
        "strides": pad_left([step * item_bytes for step in steps], LOOPS, 0, what),
        "run_bytes": run,
    }


def gather_call(
    x: Tensor, dims: Sequence[int], strides: Sequence[int], start: int, what: str
) -> KernelCall:
    """The call of copy_strided: reads x with these strides from element `start` on.

    Source order is the walk's; the output is written from beginning to end.
    """
    size = element_bytes(x)
    parameters: dict[str, int | float | Numbers] = {
        "offset_bytes": start * size,
        **strided_runs(dims, strides, size, what),
    }
    arguments = (Argument("parameters"), Argument("input", 0), Argument("output", 0))
    call = KernelCall("copy_strided", arguments, parameters)
    return with_lead(call, _gather_lead(parameters))


def _gather_lead(parameters: Mapping[str, Any]) -> int:
    """Of copy_strided, whose memcpy of a run wants what it reads and writes apart."""
    reads = np.array([parameters["offset_bytes"]])
    for dim, step in zip(parameters["dims"], parameters["strides"], strict=True):
        reads = (reads[:, None] + np.arange(dim) * step).ravel()
    return ordered_lead(reads, parameters["run_bytes"], 1)


def pad_call(x: Tensor, out: Tensor, before: Sequence[int], fill: int) -> KernelCall:
    """The call of pad_strided: fills out with the element `fill`, then copies x's rows in.

    fill: the element's bits as a signed integer of its size.
    """
    size, strides = element_bytes(out), row_major(out.shape)
    offset = sum(count * stride for count, stride in zip(before, strides, strict=True))
    parameters: dict[str, int | float | Numbers] = {
        "element_bytes": size,
        "fill": fill,
        "out_bytes": out.nbytes,
        "offset_bytes": offset * size,
        **strided_runs(x.shape, strides, size, f"padding {list(x.shape)}"),
    }
    arguments = (Argument("parameters"), Argument("input", 0), Argument("output", 0))
    return KernelCall("pad_strided", arguments, parameters)


def row_bytes(tensors: Sequence[Tensor], axis: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Bytes of each tensor from `axis` inwards: its contiguous row in a concatenation."""
    sizes = [int(np.prod(tensor.shape[axis:])) * element_bytes(tensor) for tensor in tensors]
    return np.array(sizes, np.int32)
