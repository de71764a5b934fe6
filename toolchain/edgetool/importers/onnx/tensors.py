"""Tensors in an ONNX file: their sizes are checked before anything is allocated for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import AttributeProto, TensorProto

from edgetool.errors import ModelFormatError

MAX_ELEMENTS = 1 << 30
MAX_RANK = 16
MAX_DEPTH = 16
MAX_EXTERNAL_BYTES = 1 << 30

_BITS: dict[int, int] = {
    **dict.fromkeys((TensorProto.INT4, TensorProto.UINT4), 4),
    **dict.fromkeys((TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL), 8),
    **dict.fromkeys((TensorProto.INT16, TensorProto.UINT16), 16),
    **dict.fromkeys((TensorProto.FLOAT16, TensorProto.BFLOAT16), 16),
    **dict.fromkeys((TensorProto.INT32, TensorProto.UINT32, TensorProto.FLOAT), 32),
    **dict.fromkeys((TensorProto.INT64, TensorProto.UINT64, TensorProto.DOUBLE), 64),
}
_FIELDS: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT64: "uint64_data",
    TensorProto.UINT32: "uint64_data",
}
_DATA_FIELDS = ("float_data", "double_data", "int32_data", "int64_data", "uint64_data")


def load_tensors(model: onnx.ModelProto, folder: Path | None) -> None:
    """Check every tensor of the model and bring external data into it.

    Raises: ModelFormatError when a size, type or file does not fit.
    """
    external_bytes = 0
    for tensor in _tensors_of(model):
        needed = check_header(tensor)
        if tensor.data_location == TensorProto.EXTERNAL:
            external_bytes += needed
            if external_bytes > MAX_EXTERNAL_BYTES:
                raise ModelFormatError(f"more than {MAX_EXTERNAL_BYTES:,} bytes of external data")
            _load_external(tensor, needed, folder)
        check_contents(tensor, needed)


def check_header(tensor: TensorProto) -> int:
    """The bytes that the tensor's shape and type ask for; nothing is allocated."""
    if tensor.data_type not in _BITS:
        raise ModelFormatError(f"{_label(tensor)} has element type {tensor.data_type}")
    if tensor.HasField("segment"):
        raise ModelFormatError(f"{_label(tensor)} is stored in segments")
    bits = element_count(tuple(tensor.dims), _label(tensor)) * _BITS[tensor.data_type]
    return (bits + 7) // 8


def element_count(dims: tuple[int, ...], label: str) -> int:
    """The product of dims. Raises ModelFormatError when it is negative or too large."""
    if len(dims) > MAX_RANK:
        raise ModelFormatError(f"{label} has {len(dims)} dimensions")
    count = 1
    for dim in dims:
        if dim < 0 or dim > MAX_ELEMENTS:
            raise ModelFormatError(f"{label} has a dimension of {dim}")
        count *= dim
    if count > MAX_ELEMENTS:
        raise ModelFormatError(f"{label} has {count:,} elements")
    return count


def check_contents(tensor: TensorProto, needed: int) -> None:
    """Refuse a tensor whose data are not exactly what its shape and type ask for."""
    filled = [name for name in _DATA_FIELDS if len(getattr(tensor, name))]
    if tensor.string_data or len(filled) + (len(tensor.raw_data) > 0) > 1:
        raise ModelFormatError(f"{_label(tensor)} has several kinds of data")
    if not filled:
        if len(tensor.raw_data) != needed:
            raise ModelFormatError(
                f"{_label(tensor)} has {len(tensor.raw_data):,} bytes, its shape "
                f"{list(tensor.dims)} and type need {needed:,}"
            )
        return
    field = _FIELDS.get(tensor.data_type, "int32_data")
    elements = element_count(tuple(tensor.dims), _label(tensor))
    expected = (elements + 1) // 2 if _BITS[tensor.data_type] == 4 else elements
    if filled != [field] or len(getattr(tensor, field)) != expected:
        raise ModelFormatError(
            f"{_label(tensor)} has {len(getattr(tensor, filled[0]))} elements in {filled[0]}, "
            f"its shape {list(tensor.dims)} needs {expected} in {field}"
        )


def _tensors_of(model: onnx.ModelProto) -> Iterator[TensorProto]:
    yield from _tensors_of_graph(model.graph, 0)
    for function in model.functions:
        for node in function.node:
            yield from _tensors_of_node(node, 0)


def _tensors_of_graph(graph: onnx.GraphProto, depth: int) -> Iterator[TensorProto]:
    if depth > MAX_DEPTH:
        raise ModelFormatError(f"subgraphs are nested more than {MAX_DEPTH} deep")
    if graph.sparse_initializer:
        raise ModelFormatError("sparse initializers are not read")
    yield from graph.initializer
    for node in graph.node:
        yield from _tensors_of_node(node, depth)


def _tensors_of_node(node: onnx.NodeProto, depth: int) -> Iterator[TensorProto]:
    for found in node.attribute:
        if found.type in (AttributeProto.SPARSE_TENSOR, AttributeProto.SPARSE_TENSORS):
            raise ModelFormatError(f"node '{node.name}' has a sparse tensor")
        if found.HasField("t"):
            yield found.t
        yield from found.tensors
        if found.HasField("g"):
            yield from _tensors_of_graph(found.g, depth + 1)
        for graph in found.graphs:
            yield from _tensors_of_graph(graph, depth + 1)


def _load_external(tensor: TensorProto, needed: int, folder: Path | None) -> None:
    if folder is None:
        raise ModelFormatError(f"{_label(tensor)} is in another file, which was not given")
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = _external_path(entries.get("location", ""), folder, _label(tensor))
    offset = _number(entries.get("offset", "0"), _label(tensor))
    length = _number(entries.get("length", str(needed)), _label(tensor))
    if length != needed:
        raise ModelFormatError(f"{_label(tensor)} has {length} bytes outside, needs {needed}")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if offset + length > os.fstat(stream.fileno()).st_size:
            raise ModelFormatError(f"{_label(tensor)} reaches past the end of '{path.name}'")
        stream.seek(offset)
        data = stream.read(length)
    for name in _DATA_FIELDS:
        tensor.ClearField(name)
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
    tensor.raw_data = data


def _external_path(location: str, folder: Path, label: str) -> Path:
    """The file behind a location; it must be a regular file inside the model's folder."""
    pieces = location.replace("\\", "/").split("/")
    if not location or "\0" in location or ":" in location or ".." in pieces or pieces[0] == "":
        raise ModelFormatError(f"{label}: external data at '{location[:100]}' is not allowed")
    root = folder.resolve()
    path = (root / location).resolve()
    if not path.is_relative_to(root):
        raise ModelFormatError(f"{label}: external data at '{location[:100]}' leave the folder")
    if not path.is_file():
        raise ModelFormatError(f"{label}: external data file '{location[:100]}' not found")
    return path


def _number(text: str, label: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise ModelFormatError(f"{label}: external data with offset or length '{text[:40]}'")
    return int(text)


def _label(tensor: TensorProto) -> str:
    return f"tensor '{tensor.name[:100]}'"
