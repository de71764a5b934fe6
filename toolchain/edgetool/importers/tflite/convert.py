"""LiteModel to an ONNX model: one rule for each operator that is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx_ir as ir

from edgetool.errors import ModelFormatError
from edgetool.importers.tflite import (
    constants,
    convolutions,
    elementwise,
    pooling,
    shaping,
)
from edgetool.importers.tflite.emitter import Emitter
from edgetool.importers.tflite.flatbuffer import Budget
from edgetool.importers.tflite.operation import Operation
from edgetool.importers.tflite.records import LiteModel, LiteOperator

# Model metadata that says where quantization parameters come from.
QUANTIZATION_KEY = "edgetool.quantization"

RULES: Mapping[str, Callable[[Operation], None]] = {
    "ADD": elementwise.binary,
    "AVERAGE_POOL_2D": pooling.average_pool_2d,
    "CONCATENATION": shaping.concatenation,
    "CONV_2D": convolutions.conv_2d,
    "DEPTHWISE_CONV_2D": convolutions.depthwise_conv_2d,
    "DEQUANTIZE": elementwise.dequantize,
    "EXPAND_DIMS": shaping.expand_dims,
    "FULLY_CONNECTED": convolutions.fully_connected,
    "HARD_SWISH": elementwise.unary,
    "LEAKY_RELU": elementwise.leaky_relu,
    "LOGISTIC": elementwise.unary,
    "MAXIMUM": elementwise.binary,
    "MAX_POOL_2D": pooling.max_pool_2d,
    "MEAN": pooling.mean,
    "MINIMUM": elementwise.binary,
    "MUL": elementwise.binary,
    "PACK": constants.pack,
    "PAD": shaping.pad,
    "PADV2": shaping.pad,
    "QUANTIZE": elementwise.quantize,
    "RELU": elementwise.unary,
    "RELU6": elementwise.clip,
    "RELU_N1_TO_1": elementwise.clip,
    "RESHAPE": shaping.reshape,
    "RESIZE_BILINEAR": pooling.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": pooling.resize_nearest_neighbor,
    "SHAPE": constants.shape,
    "SLICE": shaping.slice_,
    "SOFTMAX": elementwise.softmax,
    "SPLIT": shaping.split,
    "SQUEEZE": shaping.squeeze,
    "STRIDED_SLICE": shaping.strided_slice,
    "SUB": elementwise.binary,
    "TANH": elementwise.unary,
    "TRANSPOSE": shaping.transpose,
    "TRANSPOSE_CONV": convolutions.transpose_conv,
}


def convert(model: LiteModel, budget: Budget) -> ir.Model:
    """The same network in ONNX operators, with the file's inputs, outputs and parameters.

    Raises: ModelFormatError naming the operator that cannot be read, or what contradicts.
    """
    emitter = Emitter(model, budget)
    for operator in model.operators:
        rule(operator)(Operation(operator, emitter))
    converted = emitter.finish()
    if any(tensor.is_quantized for tensor in model.tensors):
        converted.metadata_props[QUANTIZATION_KEY] = "imported"
    return converted


def rule(operator: LiteOperator) -> Callable[[Operation], None]:
    """How the operator is converted.   Raises: ModelFormatError if edgetool does not read it."""
    if operator.kind not in RULES:
        raise ModelFormatError(
            f"operator {operator.index} is {operator.kind}: edgetool does not read this operator",
            details=(f"read: {', '.join(sorted(RULES))}",),
            hints=("replace the operator in the original model and convert it again",),
        )
    return RULES[operator.kind]
