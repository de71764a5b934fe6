"""Bytes of a .tflite file to LiteModel: everything that can be known without the operators.

Source: schema.fbs of TensorFlow Lite (version 3), read with its generated classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from edgetool.errors import ModelFormatError
from edgetool.graph.nibbles import unpack_nibbles
from edgetool.importers.tflite.flatbuffer import Budget, check_header, corrupt, reading
from edgetool.importers.tflite.options import read_options
from edgetool.importers.tflite.records import LiteModel, LiteOperator, LiteTensor, Scales

SCHEMA_VERSION = 3
# LiteRT's own limit of dimensions is 8; sizes are C ints.
HIGHEST_RANK = 8
MOST_ELEMENTS = 2**31 - 1
# Places of strings in the vtables of Tensor, SubGraph and OperatorCode.
_TENSOR_NAME, _SUBGRAPH_NAME, _CUSTOM_CODE = 10, 12, 6

DTYPES = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.FLOAT16: "float16",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.BOOL: "bool",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.INT4: "int4",
}
TYPE_NAMES = {
    value: name for name, value in vars(tflite.TensorType).items() if isinstance(value, int)
}
OPERATOR_NAMES = {
    value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)
}


def read_model(data: bytes) -> LiteModel:
    """The file's main subgraph.

    Raises: ModelFormatError for anything that is not a whole, consistent TFLite file.
    """
    check_header(data)
    return _Reader(data).model()


class _Reader:
    """One file being read.

    Other subgraphs are not looked at: operators that call them are refused by name.
    """

    def __init__(self, data: bytes) -> None:
        self.budget = Budget(len(data))
        with reading("header"):
            self.file = tflite.Model.GetRootAs(data, 0)
            version = self.file.Version()
        if version != SCHEMA_VERSION:
            raise corrupt("header", f"schema version {version}, {SCHEMA_VERSION} expected")

    def model(self) -> LiteModel:
        with reading("model"):
            if self.file.SubgraphsLength() < 1:
                raise corrupt("model", "it has no subgraph")
            graph = self.file.Subgraphs(0)
        kinds = self.kinds()
        with reading("subgraph 0"):
            counts = graph.TensorsLength(), graph.OperatorsLength()
        name = self.budget.text(graph, _SUBGRAPH_NAME, "subgraph 0")
        tables = self.budget.tables(graph.Tensors, counts[0], "tensor")
        tensors = tuple(self.tensor(i, table) for i, table in enumerate(tables))
        tables = self.budget.tables(graph.Operators, counts[1], "operator")
        operators = tuple(
            self.operator(i, table, kinds, len(tensors)) for i, table in enumerate(tables)
        )
        ends = [
            self.indices(graph, field, "subgraph 0", len(tensors), lowest=0)
            for field in ("Inputs", "Outputs")
        ]
        return LiteModel(name or "main", tensors, operators, ends[0], ends[1])

    def kinds(self) -> list[str]:
        """Name of each entry of the table of operator codes."""
        names = []
        with reading("operator codes"):
            count = self.file.OperatorCodesLength()
        for code in self.budget.tables(self.file.OperatorCodes, count, "operator code"):
            with reading("operator code"):
                # Files older than 2020 have only the first field, which ends at 127.
                number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
            name = OPERATOR_NAMES.get(number, f"builtin {number}")
            if name == "CUSTOM":
                custom = self.budget.text(code, _CUSTOM_CODE, "operator code")
                name = f"CUSTOM '{custom[:80]}'"
            names.append(name)
        return names

    def operator(self, index: int, table: Any, kinds: list[str], tensors: int) -> LiteOperator:
        what = f"operator {index}"
        with reading(what):
            code = table.OpcodeIndex()
        if not 0 <= code < len(kinds):
            raise corrupt(what, f"operator code {code} of {len(kinds)}")
        what = f"operator {index} ({kinds[code]})"
        inputs = self.indices(table, "Inputs", what, tensors, lowest=-1)
        outputs = self.indices(table, "Outputs", what, tensors, lowest=0)
        options: Mapping[str, Any] = read_options(table, kinds[code], self.budget, what)
        return LiteOperator(index, kinds[code], inputs, outputs, options)

    def indices(
        self, table: Any, field: str, what: str, count: int, lowest: int
    ) -> tuple[int, ...]:
        found = self.budget.integers(table, field, what)
        for index in found:
            if not lowest <= index < count:
                raise corrupt(what, f"{field.lower()} name tensor {index} of {count}")
        return found

    def tensor(self, index: int, table: Any) -> LiteTensor:
        what = f"tensor {index}"
        name = self.budget.text(table, _TENSOR_NAME, what)
        with reading(what):
            type_number, buffer = table.Type(), table.Buffer()
            unusual = table.IsVariable() or table.Sparsity() is not None
        what = f"tensor {index} ('{name[:80]}')"
        if type_number not in DTYPES:
            type_name = TYPE_NAMES.get(type_number, f"type {type_number}")
            raise ModelFormatError(f"{what} is {type_name}: edgetool does not read this type")
        if unusual:
            raise ModelFormatError(f"{what} is variable or sparse: edgetool does not read this")
        dtype, shape = DTYPES[type_number], self.shape(table, what)
        signature = self.budget.integers(table, "ShapeSignature", what)
        return LiteTensor(
            index,
            name,
            shape,
            dtype,
            self.scales(table, shape, dtype, what),
            self.contents(buffer, shape, dtype, what),
            tuple(axis for axis, size in enumerate(signature) if size < 0),
        )

    def shape(self, table: Any, what: str) -> tuple[int, ...]:
        shape = self.budget.integers(table, "Shape", what)
        if len(shape) > HIGHEST_RANK:
            raise corrupt(what, f"{len(shape)} dimensions, at most {HIGHEST_RANK} exist")
        if any(size < 0 for size in shape) or math.prod(shape) > MOST_ELEMENTS:
            raise corrupt(what, f"shape {list(shape)}")
        return shape

    def scales(self, table: Any, shape: tuple[int, ...], dtype: str, what: str) -> Scales | None:
        if dtype.startswith("float"):
            return None
        with reading(what):
            found = table.Quantization()
            if found is None or found.ScaleLength() == 0:
                return None
            axis = found.QuantizedDimension()
        scale = self.budget.vector(found, "Scale", what)
        zero_point = self.budget.vector(found, "ZeroPoint", what)
        self.budget.spend(scale.size + zero_point.size, 4, f"{what}, scales")
        if zero_point.size == 0:
            zero_point = np.zeros(scale.size, np.int64)
        self.check_scales(scale, zero_point, axis, shape, what)
        self.check_zero_point(zero_point, dtype, what)
        return Scales(scale, zero_point, axis)

    @staticmethod
    def check_scales(
        scale: npt.NDArray[Any],
        zero_point: npt.NDArray[Any],
        axis: int,
        shape: tuple[int, ...],
        what: str,
    ) -> None:
        if scale.size > 1 and not (0 <= axis < len(shape) and scale.size == shape[axis]):
            raise corrupt(what, f"{scale.size} scales along axis {axis} of {list(shape)}")
        if zero_point.size != scale.size:
            raise corrupt(what, f"{scale.size} scales but {zero_point.size} zero points")
        if not np.all(np.isfinite(scale) & (scale > 0)):
            raise corrupt(what, "a scale is not a positive number")

    @staticmethod
    def check_zero_point(zero_point: npt.NDArray[Any], dtype: str, what: str) -> None:
        if dtype not in ("int4", "int8", "uint8", "int16", "int32", "int64"):
            return
        low, high = _limits(dtype)
        if zero_point.min() < low or zero_point.max() > high:
            raise corrupt(what, f"a zero point lies outside {dtype}")

    def contents(
        self, buffer: int, shape: tuple[int, ...], dtype: str, what: str
    ) -> npt.NDArray[Any] | None:
        with reading(what):
            count = self.file.BuffersLength()
            if not 0 <= buffer < count:
                raise corrupt(what, f"buffer {buffer} of {count}")
            table = self.file.Buffers(buffer)
            external = table.Offset() > 1 or table.Size() > 1
        if external:
            raise ModelFormatError(f"{what} is stored outside the flatbuffer: not read")
        raw = self.budget.vector(table, "Data", what)
        # Buffer 0 is empty by convention, and so is the buffer of an activation.
        if raw.size == 0:
            return None
        elements = math.prod(shape)
        wanted = elements * np.dtype(dtype).itemsize if dtype != "int4" else (elements + 1) // 2
        if raw.size != wanted:
            raise corrupt(what, f"{raw.size} bytes of data, shape and type need {wanted}")
        if dtype == "int4":
            self.budget.spend(elements, 1, f"{what}, unpacked")
            return unpack_nibbles(np.frombuffer(raw, np.uint8), elements).reshape(shape)
        if dtype == "bool":
            return np.asarray(raw.reshape(shape) != 0)
        return np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).reshape(shape)


def _limits(dtype: str) -> tuple[int, int]:
    """The least and greatest integer of a type."""
    if dtype == "int4":
        return -8, 7
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)
