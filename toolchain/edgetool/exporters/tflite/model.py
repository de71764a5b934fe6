"""Writes a Program as a TFLite model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import tflite

from edgetool.errors import UnsupportedOperatorError
from edgetool.exporters.tflite.flatbuffer import Writer
from edgetool.exporters.tflite.operators import FORMS, Code, Context, Operand, TfliteOperator
from edgetool.graph.nibbles import pack_nibbles
from edgetool.program.few_bits import refuse_few_bits
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Quantization, Tensor

SCHEMA_VERSION = 3
# LiteRT refuses these without a bias: int8 always, float when the operand is mentioned as absent.
NEEDS_BIAS = frozenset(["CONV_2D", "DEPTHWISE_CONV_2D"])
PAD_VERSIONS = {"float32": 1, "int8": 2, "int16": 3}
TYPES = {
    "float32": "FLOAT32",
    "float16": "FLOAT16",
    "int4": "INT4",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "bool": "BOOL",
}


def export_tflite(program: Program, *, float16_weights: bool = False) -> bytes:
    """The program as the bytes of a .tflite file.

    Inputs and outputs are the Program's: channels last, its types. Scales and zero points are
    carried verbatim. float16_weights: float32 constants are stored as float16 behind a
    DEQUANTIZE, computation stays float32.
    Raises: UnsupportedOperatorError naming the layer that TFLite has no form for.
    """
    refuse_few_bits(program, "TFLite")
    return _Model(program, float16_weights).write()


class _Model:
    def __init__(self, program: Program, float16_weights: bool) -> None:
        self.program = program
        self.float16_weights = float16_weights
        self.writer = Writer()
        self.buffers: list[int] = [self.writer.table("Buffer")]
        self.tensors: list[int] = []
        self.indices: dict[str, int] = {}
        self.codes: list[tuple[int, int]] = []
        self.operators: list[int] = []

    def write(self) -> bytes:
        self._add_activations()
        for operation in self.program.operations:
            self._add_operation(operation)
        writer = self.writer
        subgraph = writer.table(
            "SubGraph",
            Tensors=writer.offsets(self.tensors),
            Inputs=writer.numbers([self.indices[n] for n in self.program.inputs], "int32"),
            Outputs=writer.numbers([self.indices[n] for n in self.program.outputs], "int32"),
            Operators=writer.offsets(self.operators),
            Name=writer.string("main"),
        )
        codes = [
            writer.table(
                "OperatorCode",
                DeprecatedBuiltinCode=min(code, 127),
                BuiltinCode=code,
                Version=version,
            )
            for code, version in self.codes
        ]
        model = writer.table(
            "Model",
            Version=SCHEMA_VERSION,
            OperatorCodes=writer.offsets(codes),
            Subgraphs=writer.offsets([subgraph]),
            Description=writer.string(self.program.name),
            Buffers=writer.offsets(self.buffers),
        )
        return writer.finish(model)

    def _add_activations(self) -> None:
        names = dict(zip(self.program.inputs, self.program.input_names, strict=True))
        names.update(zip(self.program.outputs, self.program.output_names, strict=True))
        for tensor in self.program.activations():
            self.indices[tensor.name] = self._add_tensor(
                names.get(tensor.name, tensor.name),
                tensor.shape,
                tensor.dtype,
                self._quantization(tensor.quantization),
                0,
            )

    def _add_operation(self, operation: Operation) -> None:
        form = FORMS.get(operation.operator.kind)
        if form is None:
            raise UnsupportedOperatorError(
                f"layer {operation.name}: TFLite export does not write {operation.operator.kind}"
            )
        inputs = self.program.input_tensors(operation)
        outputs = self.program.output_tensors(operation)
        operator = form(Context(operation, inputs, outputs))
        operands = [self._operand(operand, operation) for operand in operator.operands]
        if operator.code in NEEDS_BIAS and operands[-1] == -1:
            operands[-1] = self._add_zero_bias(operation)
        if any(operator.padding):
            source = inputs[0]
            if source is not None:
                operands[0] = self._add_pad(source, operator, operation.name)
        results = [self.indices[tensor.name] for tensor in outputs]
        self._add_operator(operator.code, operator.version, operands, results, operator)

    def _add_zero_bias(self, operation: Operation) -> int:
        """A bias of zeros at the scale that LiteRT expects, per output channel."""
        x, weights = self.program.input_tensors(operation)[:2]
        channels = self.program.output_tensors(operation)[0].shape[-1]
        name = f"{operation.name}/bias"
        if x is None or weights is None or x.quantization is None or weights.quantization is None:
            return self._add_constant(name, np.zeros(channels, np.float32), None)
        scale = np.asarray(x.scale * weights.quantization.scale, np.float32)
        axis = 0 if scale.size > 1 else None
        quantization = Quantization(scale, np.zeros(scale.shape, np.int32), axis)
        dtype = np.int64 if x.dtype == "int16" else np.int32
        return self._add_constant(name, np.zeros(channels, dtype), quantization)

    def _operand(self, operand: Operand, operation: Operation) -> int:
        if isinstance(operand, Code):
            return self._add_constant(
                f"{operation.name}/constant", operand.data, operand.quantization
            )
        if not isinstance(operand, str):
            return self._add_constant(f"{operation.name}/constant", operand, None)
        if operand == "":
            return -1
        if operand not in self.indices:
            self.indices[operand] = self._add_weights(self._constant(operand, operation))
        return self.indices[operand]

    def _constant(self, name: str, operation: Operation) -> Tensor:
        """A constant in the type that LiteRT takes: biases of int16 activations are int64."""
        tensor = self.program.tensors[name]
        if tensor.data is None or tensor.dtype != "int32" or not self._is_wide(operation):
            return tensor
        return replace(tensor, dtype="int64", data=tensor.data.astype(np.int64))

    def _is_wide(self, operation: Operation) -> bool:
        x = self.program.input_tensors(operation)[0]
        return x is not None and x.dtype == "int16"

    def _add_weights(self, tensor: Tensor) -> int:
        data = tensor.data
        if data is None:
            raise ValueError(f"tensor '{tensor.name}' is neither computed nor constant")
        if not (self.float16_weights and tensor.dtype == "float32"):
            return self._add_constant(tensor.name, data, tensor.quantization)
        half = self._add_constant(f"{tensor.name}/float16", data.astype(np.float16), None)
        full = self._add_tensor(tensor.name, tensor.shape, "float32", None, 0)
        self._add_operator("DEQUANTIZE", 3, [half], [full], None)
        return full

    def _add_pad(self, source: Tensor, operator: TfliteOperator, name: str) -> int:
        top, left, bottom, right = operator.padding
        _, height, width, channels = source.shape
        shape = (1, height + top + bottom, width + left + right, channels)
        widths = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
        quantization = self._quantization(source.quantization)
        padded = self._add_tensor(f"{name}/padded", shape, source.dtype, quantization, 0)
        operands = [self.indices[source.name], self._add_constant(f"{name}/pads", widths, None)]
        code, options, border = "PAD", "PadOptions", operator.border
        if border is not None:
            code, options = "PADV2", "PadV2Options"
            operands.append(self._add_constant(f"{name}/border", border.data, border.quantization))
        form = TfliteOperator(code, PAD_VERSIONS[source.dtype], (), options)
        self._add_operator(form.code, form.version, operands, [padded], form)
        return padded

    def _add_operator(
        self,
        code_name: str,
        version: int,
        operands: Sequence[int],
        results: Sequence[int],
        form: TfliteOperator | None,
    ) -> None:
        writer = self.writer
        code = (int(getattr(tflite.BuiltinOperator, code_name)), version)
        if code not in self.codes:
            self.codes.append(code)
        options, kind = None, None
        if form is not None and form.options is not None:
            options = self._options(form.options, form.fields)
            kind = getattr(tflite.BuiltinOptions, form.options)
        self.operators.append(
            writer.table(
                "Operator",
                Inputs=writer.numbers(operands, "int32"),
                Outputs=writer.numbers(results, "int32"),
                OpcodeIndex=self.codes.index(code),
                BuiltinOptionsType=kind,
                BuiltinOptions=options,
            )
        )

    def _options(self, name: str, values: Mapping[str, Any]) -> int:
        fields = {
            key: self.writer.numbers(value, str(value.dtype))
            if isinstance(value, np.ndarray)
            else value
            for key, value in values.items()
        }
        return self.writer.table(name, **fields)

    def _add_constant(
        self, name: str, data: npt.NDArray[Any], quantization: Quantization | None
    ) -> int:
        self.buffers.append(self.writer.table("Buffer", Data=self.writer.data(_contents(data))))
        parameters = self._quantization(quantization)
        return self._add_tensor(
            name, data.shape, str(data.dtype), parameters, len(self.buffers) - 1
        )

    def _add_tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        quantization: int | None,
        buffer: int,
    ) -> int:
        writer = self.writer
        self.tensors.append(
            writer.table(
                "Tensor",
                Shape=writer.numbers(shape, "int32"),
                Type=getattr(tflite.TensorType, TYPES[dtype]),
                Buffer=buffer,
                Name=writer.string(name),
                Quantization=quantization,
            )
        )
        return len(self.tensors) - 1

    def _quantization(self, quantization: Quantization | None) -> int | None:
        if quantization is None:
            return None
        writer = self.writer
        return writer.table(
            "QuantizationParameters",
            Scale=writer.numbers(quantization.scale, "float32"),
            ZeroPoint=writer.numbers(quantization.zero_point, "int64"),
            QuantizedDimension=quantization.axis or 0,
        )


def _contents(data: npt.NDArray[Any]) -> bytes:
    """The bytes of a buffer: little endian, int4 two to a byte."""
    if data.dtype == ml_dtypes.int4:
        return pack_nibbles(data.reshape(1, -1)).tobytes()
    return np.ascontiguousarray(data).astype(data.dtype.newbyteorder("<")).tobytes()
