"""The options of each operator that edgetool reads, as plain values.

Field names are the schema's. Options that a file leaves out have the schema's defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tflite
from flatbuffers.table import Table

from edgetool.importers.tflite.flatbuffer import Budget, corrupt, reading

# A table without fields: vtable (its length 4, the table's length 4), then the offset to it.
_EMPTY = b"\x04\x00\x04\x00\x04\x00\x00\x00"
_EMPTY_POSITION = 4


@dataclass(frozen=True)
class _Options:
    """An options table: the generated class, its scalar fields and its vectors."""

    table: str
    fields: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()


_ACTIVATION = ("FusedActivationFunction",)
_STRIDES = ("Padding", "StrideH", "StrideW", *_ACTIVATION)
_CONV = (*_STRIDES, "DilationHFactor", "DilationWFactor")
_POOL = _Options("Pool2DOptions", (*_STRIDES, "FilterHeight", "FilterWidth"))
_MASKS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset")
_RESIZE = ("AlignCorners", "HalfPixelCenters")
_DENSE = (*_ACTIVATION, "WeightsFormat", "KeepNumDims")

_TABLES: Mapping[str, _Options] = {
    "ADD": _Options("AddOptions", _ACTIVATION),
    "AVERAGE_POOL_2D": _POOL,
    "CONCATENATION": _Options("ConcatenationOptions", ("Axis", *_ACTIVATION)),
    "CONV_2D": _Options("Conv2DOptions", _CONV),
    "DEPTHWISE_CONV_2D": _Options("DepthwiseConv2DOptions", (*_CONV, "DepthMultiplier")),
    "FULLY_CONNECTED": _Options("FullyConnectedOptions", _DENSE),
    "LEAKY_RELU": _Options("LeakyReluOptions", ("Alpha",)),
    "MAX_POOL_2D": _POOL,
    "MEAN": _Options("ReducerOptions", ("KeepDims",)),
    "MUL": _Options("MulOptions", _ACTIVATION),
    "PACK": _Options("PackOptions", ("Axis",)),
    "RESHAPE": _Options("ReshapeOptions", (), ("NewShape",)),
    "RESIZE_BILINEAR": _Options("ResizeBilinearOptions", _RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": _Options("ResizeNearestNeighborOptions", _RESIZE),
    "SOFTMAX": _Options("SoftmaxOptions", ("Beta",)),
    "SPLIT": _Options("SplitOptions", ("NumSplits",)),
    "SQUEEZE": _Options("SqueezeOptions", (), ("SqueezeDims",)),
    "STRIDED_SLICE": _Options("StridedSliceOptions", _MASKS),
    "SUB": _Options("SubOptions", _ACTIVATION),
    "TRANSPOSE_CONV": _Options("TransposeConvOptions", _STRIDES),
}


def read_options(operator: Any, kind: str, budget: Budget, what: str) -> dict[str, Any]:
    """Values by the schema's field names; empty for operators without options.

    Raises: ModelFormatError when the file holds another operator's options.
    """
    if kind not in _TABLES:
        return {}
    wanted = _TABLES[kind]
    with reading(what):
        table = _options_table(operator, wanted.table, what)
        values = {name: getattr(table, name)() for name in wanted.fields}
    vectors = {name: budget.integers(table, name, what) for name in wanted.vectors}
    return {**values, **vectors}


def _options_table(operator: Any, name: str, what: str) -> Any:
    make: Callable[[], Any] = getattr(tflite, name)
    table = make()
    present = operator.BuiltinOptionsType()
    union = operator.BuiltinOptions() if present else None
    if union is None:
        table.Init(_EMPTY, _EMPTY_POSITION)
        return table
    if present != getattr(tflite.BuiltinOptions, name):
        raise corrupt(what, f"its options are of type {present}, {name} expected")
    if not isinstance(union, Table):
        raise corrupt(what, "its options are no table")
    table.Init(union.Bytes, union.Pos)
    return table
