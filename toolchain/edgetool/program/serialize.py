"""A Program as bytes: JSON for structure, a NumPy archive for constants, in one .npz.

Deterministic: the same program gives the same bytes. Nothing in it is executed on reading.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import fields
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from edgetool.errors import ModelFormatError
from edgetool.program.few_bits import holds
from edgetool.program.operator import Clamp, Operator
from edgetool.program.ops import operators
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import DTYPES, FEW_BITS, Quantization, Tensor

SCHEMA_VERSION = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)


def dump_program(program: Program) -> bytes:
    """The program as the bytes of a .npz: member "program.json" and one array a constant."""
    structure = {
        "schema_version": SCHEMA_VERSION,
        "name": program.name,
        "inputs": program.inputs,
        "outputs": program.outputs,
        "input_names": program.input_names,
        "output_names": program.output_names,
        "tensors": [_tensor_to_json(tensor) for tensor in program.tensors.values()],
        "operations": [_operation_to_json(operation) for operation in program.operations],
    }
    arrays = {
        f"constant_{index}.npy": _stored(tensor.data)
        for index, tensor in enumerate(program.tensors.values())
        if tensor.data is not None
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "program.json", json.dumps(structure, indent=1).encode())
        for name, array in arrays.items():
            _write(archive, name, _npy(array))
    return buffer.getvalue()


def load_program(contents: bytes) -> Program:
    """The inverse of dump_program.

    Raises: ModelFormatError when the bytes are not a program that this version reads.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            return _program_from(archive)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, json.JSONDecodeError) as error:
        raise ModelFormatError(
            f"the artifact's program cannot be read: {error}",
            hints=("compile the model again with this version of edgetool",),
        ) from error


def save_arrays(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """Named arrays as the bytes of a .npz, deterministic (numpy.savez stamps no fixed time)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            _write(archive, f"{name}.npy", _npy(array))
    return buffer.getvalue()


def _program_from(archive: zipfile.ZipFile) -> Program:
    structure = json.loads(archive.read("program.json"))
    if structure["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema version {structure['schema_version']}")
    tensors = {}
    for index, entry in enumerate(structure["tensors"]):
        data = None
        if entry["constant"]:
            stream = io.BytesIO(archive.read(f"constant_{index}.npy"))
            data = _restored(np.load(stream, allow_pickle=False), entry["dtype"])
        tensor = _tensor_from_json(entry, data)
        tensors[tensor.name] = tensor
    return Program(
        structure["name"],
        tensors,
        tuple(_operation_from_json(entry) for entry in structure["operations"]),
        tuple(structure["inputs"]),
        tuple(structure["outputs"]),
        tuple(structure["input_names"]),
        tuple(structure["output_names"]),
    )


def _tensor_to_json(tensor: Tensor) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": tensor.name,
        "shape": tensor.shape,
        "dtype": tensor.dtype,
        "constant": tensor.is_constant,
        "source": tensor.source,
        "layout": tensor.layout,
    }
    if tensor.quantization is not None:
        # float.hex keeps every bit of a float32 scale.
        entry["scale"] = [float(scale).hex() for scale in tensor.quantization.scale]
        entry["zero_point"] = [int(zero) for zero in tensor.quantization.zero_point]
        entry["axis"] = tensor.quantization.axis
    return entry


def _tensor_from_json(entry: dict[str, Any], data: npt.NDArray[Any] | None) -> Tensor:
    quantization = None
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"element type {entry['dtype']}")
    if "scale" in entry:
        scale = np.array([float.fromhex(text) for text in entry["scale"]], np.float32)
        zero_point = np.array(entry["zero_point"], np.int32)
        quantization = Quantization(scale, zero_point, entry["axis"])
    return Tensor(
        entry["name"],
        tuple(entry["shape"]),
        entry["dtype"],
        quantization,
        data,
        entry["source"],
        tuple(entry["layout"]),
    )


def _operation_to_json(operation: Operation) -> dict[str, Any]:
    operator = operation.operator
    parameters = {
        field.name: _value_to_json(getattr(operator, field.name))
        for field in fields(operator)  # type: ignore[arg-type]
    }
    return {
        "name": operation.name,
        "kind": operator.kind,
        "parameters": parameters,
        "inputs": operation.inputs,
        "outputs": operation.outputs,
    }


def _operation_from_json(entry: dict[str, Any]) -> Operation:
    kind: type[Operator] = operators()[entry["kind"]]
    parameters = {name: _value_from_json(value) for name, value in entry["parameters"].items()}
    return Operation(
        entry["name"], kind(**parameters), tuple(entry["inputs"]), tuple(entry["outputs"])
    )


def _value_to_json(value: Any) -> Any:
    if isinstance(value, Clamp):
        return {"clamp": [value.minimum.hex(), value.maximum.hex()]}
    if isinstance(value, float):
        return {"float": value.hex()}
    return value


def _value_from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict) and "clamp" in value:
        return Clamp(*(float.fromhex(bound) for bound in value["clamp"]))
    if isinstance(value, dict) and "float" in value:
        number = float.fromhex(value["float"])
        return number if not math.isnan(number) else math.nan
    return value


def _stored(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """data in a type that .npy knows: int4 as int8."""
    return data.astype(np.int8) if data.dtype == ml_dtypes.int4 else data


def _restored(data: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any]:
    """The inverse of _stored. Raises: ValueError for numbers that the type has not."""
    if dtype in FEW_BITS and not holds(dtype, data):
        raise ValueError(f"{dtype} numbers other than {FEW_BITS[dtype].values}")
    if dtype != "int4":
        return data
    if data.dtype != np.int8 or (data.size and (data.min() < -8 or data.max() > 7)):
        raise ValueError("int4 numbers outside -8..7")
    return data.astype(ml_dtypes.int4)


def _npy(array: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array) if array.ndim else array, allow_pickle=False)
    return stream.getvalue()


def _write(archive: zipfile.ZipFile, name: str, contents: bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, contents)
