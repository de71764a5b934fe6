"""TFLite tensors as ONNX values, each in the layouts that somebody asked for.

A tensor is held as it is *stored* (int8 for quantized ones) in the file's layout, in NCHW, or in
both: the second is made by a Transpose of the stored value when an operator needs it. The *real*
value is the stored one behind a DequantizeLinear, or the stored one itself where it is float.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.errors import ModelFormatError
from edgetool.importers.tflite.builder import FLOAT, GraphBuilder
from edgetool.importers.tflite.flatbuffer import Budget
from edgetool.importers.tflite.layout import Layout, Shape
from edgetool.importers.tflite.names import short_names
from edgetool.importers.tflite.records import LiteModel, LiteTensor, Scales

# Types that values of the graph may have.
GRAPH_DTYPES = {
    name: ir.DataType.from_numpy(np.dtype(name))
    for name in ("float32", "int8", "uint8", "int32", "int64", "bool")
}


class Emitter:
    """The model being converted: its tensors and the ONNX values that hold them."""

    def __init__(self, model: LiteModel, budget: Budget) -> None:
        self.model = model
        self.builder = GraphBuilder(budget)
        self.tensors = list(model.tensors)
        names = self.builder.value_names
        self.input_names = [names.take(self._end_name(index)) for index in model.inputs]
        self.output_names = [names.take(self._end_name(index)) for index in model.outputs]
        shorts = short_names([tensor.name for tensor in self.tensors])
        self.short = [name or f"tensor_{index}" for index, name in enumerate(shorts)]
        self._stored: dict[tuple[int, Layout], ir.Value] = {}
        self._real: dict[tuple[int, Layout], ir.Value] = {}
        self._native: dict[int, Layout] = {}
        self._weights: dict[tuple[int, Shape, Shape], ir.Value] = {}
        self._parameters: dict[int, tuple[ir.Value, ir.Value]] = {}
        self.inputs = self._define_inputs()

    # --- reading tensors ----------------------------------------------------------------

    def native(self, index: int) -> Layout:
        """The layout in which the tensor was made; FILE for constants."""
        return self._native.get(index, Layout.FILE)

    def stored(self, index: int, layout: Layout) -> ir.Value:
        """The tensor in its own type, transposed now if it does not exist so yet.

        Raises: ModelFormatError if nothing has written it.
        """
        key = (index, layout)
        if key not in self._stored:
            self._stored[key] = self._made(self.tensors[index], layout)
        return self._stored[key]

    def real(self, index: int, layout: Layout) -> ir.Value:
        """The tensor in float32, behind a DequantizeLinear where it is quantized."""
        tensor, key = self.tensors[index], (index, layout)
        if not tensor.is_quantized:
            return self.stored(index, layout)
        if key not in self._real:
            inputs = [self.stored(index, layout), *self._scale_and_zero_point(tensor)]
            output = (layout.place(tensor.shape), FLOAT)
            name = f"{self.short[index]}/dequantize"
            self._real[key] = self.builder.node("DequantizeLinear", inputs, output, name)
        return self._real[key]

    def weights(
        self, index: int, name: str, permutation: Shape, shape: Shape | None = None
    ) -> ir.Value:
        """A constant in float32, reshaped to `shape` (its own if None), then transposed.

        Behind a DequantizeLinear where it is quantized; the axis of channels follows.
        """
        tensor = self.tensors[index]
        shape = tensor.shape if shape is None else shape
        key = (index, permutation, shape)
        if key not in self._weights:
            if tensor.data is None:
                raise ModelFormatError(f"{tensor.label} must be constant")
            data = tensor.data.reshape(shape).transpose(permutation)
            value = self.builder.constant(name, data)
            if tensor.scales is not None:
                axis = permutation.index(tensor.scales.axis) if not tensor.scales.per_tensor else 0
                value = self.dequantized(value, tensor.scales, axis)
            self._weights[key] = value
        return self._weights[key]

    def dequantized(self, value: ir.Value, scales: Scales, axis: int) -> ir.Value:
        """A constant of integers in float32; axis: where its channels are."""
        name, attributes = value.name or "constant", {} if scales.per_tensor else {"axis": axis}
        shape = () if scales.per_tensor else scales.scale.shape
        dtype = value.dtype or ir.DataType.INT8
        inputs = [value, self.builder.constant(f"{name}/scale", scales.scale.reshape(shape))]
        if dtype != ir.DataType.INT32:  # ONNX knows no zero point for int32
            zero_point = scales.zero_point.astype(dtype.numpy()).reshape(shape)
            inputs.append(self.builder.constant(f"{name}/zero_point", zero_point))
        output = (tuple(value.shape.numpy() if value.shape else ()), FLOAT)
        return self.builder.node(
            "DequantizeLinear", inputs, output, f"{name}/dequantize", attributes
        )

    # --- writing tensors ----------------------------------------------------------------

    def define(self, index: int, layout: Layout, value: ir.Value) -> None:
        """value is the tensor, as stored, in a layout.

        Raises: ModelFormatError if the tensor is constant, empty or already written.
        """
        self._check_unwritten(index)
        self._stored[index, layout] = value
        self._native[index] = layout

    def define_real(self, index: int, layout: Layout, value: ir.Value) -> None:
        """value is the tensor in float32: quantized by the file's parameters where it has any."""
        tensor = self.tensors[index]
        if tensor.is_quantized:
            inputs = [value, *self._scale_and_zero_point(tensor)]
            output = (layout.place(tensor.shape), graph_dtype(tensor))
            name = f"{self.short[index]}/quantize"
            value = self.builder.node("QuantizeLinear", inputs, output, name)
        self.define(index, layout, value)

    def fold(self, index: int, data: npt.NDArray[Any]) -> None:
        """The tensor's contents are known now."""
        self._check_unwritten(index)
        self.builder.budget.spend(data.nbytes, 1, self.tensors[index].label)
        self.tensors[index] = replace(
            self.tensors[index], data=data, shape=data.shape, dtype=str(data.dtype)
        )

    def set_shape(self, index: int, shape: Shape) -> None:
        """The tensor's shape, where the file leaves it open."""
        self.tensors[index] = replace(self.tensors[index], shape=shape)

    # --- the whole ----------------------------------------------------------------------

    def finish(self) -> ir.Model:
        """The model: inputs and outputs in the file's layout, under the file's names.

        Raises: ModelFormatError for an output that nothing writes.
        """
        outputs: list[ir.Value] = []
        for index, name in zip(self.model.outputs, self.output_names, strict=True):
            tensor = self.tensors[index]
            value = self.stored(index, Layout.FILE)
            if value in self.inputs or value in outputs or value.const_value is not None:
                output = (tensor.shape, graph_dtype(tensor))
                value = self.builder.node("Identity", [value], output, self.short[index])
            value.name = name
            outputs.append(value)
        return self.builder.model(self.model.name, self.inputs, outputs)

    # --- inside -------------------------------------------------------------------------

    def _end_name(self, index: int) -> str:
        return self.tensors[index].name or f"tensor_{index}"

    def _define_inputs(self) -> list[ir.Value]:
        values = []
        for index, name in zip(self.model.inputs, self.input_names, strict=True):
            tensor = self.tensors[index]
            if any(axis != 0 for axis in tensor.dynamic_axes):
                raise ModelFormatError(
                    f"input {tensor.label} has dimensions that are not fixed, batch aside:"
                    f" {list(tensor.dynamic_axes)}",
                    hints=("convert the model again with a fixed input shape",),
                )
            value = self.builder.value(name, tensor.shape, graph_dtype(tensor))
            self.define(index, Layout.FILE, value)
            values.append(value)
        return values

    def _check_unwritten(self, index: int) -> None:
        tensor = self.tensors[index]
        if tensor.data is not None or index in self._native:
            raise ModelFormatError(f"{tensor.label} is written twice, or is a constant")
        if 0 in tensor.shape:
            raise ModelFormatError(f"{tensor.label} is empty: shape {list(tensor.shape)}")

    def _made(self, tensor: LiteTensor, layout: Layout) -> ir.Value:
        name, data = self.short[tensor.index], tensor.data
        first = layout is Layout.CHANNELS_FIRST
        if data is not None:
            graph_dtype(tensor)
            data = data.transpose(layout.permutation) if first else data
            return self.builder.constant(name, data)
        other = self._stored.get((tensor.index, layout.other))
        if other is None:
            raise ModelFormatError(f"{tensor.label} is read before anything writes it")
        output = (layout.place(tensor.shape), graph_dtype(tensor))
        attributes = {"perm": layout.permutation}
        suffix = "to_nchw" if first else "to_nhwc"
        return self.builder.node("Transpose", [other], output, f"{name}/{suffix}", attributes)

    def _scale_and_zero_point(self, tensor: LiteTensor) -> tuple[ir.Value, ir.Value]:
        scales = tensor.scales
        if scales is None or not scales.per_tensor:
            raise ModelFormatError(f"{tensor.label} has one scale per channel, one was expected")
        if tensor.index not in self._parameters:
            name, zero_point = self.short[tensor.index], scales.zero_point.astype(tensor.dtype)
            self._parameters[tensor.index] = (
                self.builder.constant(f"{name}/scale", scales.scale.reshape(())),
                self.builder.constant(f"{name}/zero_point", zero_point.reshape(())),
            )
        return self._parameters[tensor.index]


def graph_dtype(tensor: LiteTensor) -> ir.DataType:
    """The tensor's type in the graph.

    Raises: ModelFormatError for types that only constants may have in a file, and int16.
    """
    if tensor.dtype not in GRAPH_DTYPES:
        hints = ("convert the model again with int8 activations, or in float32",)
        raise ModelFormatError(f"{tensor.label} is {tensor.dtype}: not read here", hints=hints)
    return GRAPH_DTYPES[tensor.dtype]
