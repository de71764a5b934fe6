"""Write an ONNX model that has passed onnx.checker, with the same bytes every time."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import onnx_ir as ir

from edgetool import __version__
from edgetool.errors import EdgetoolError, ModelError, UsageError
from edgetool.exporters.onnx.bfloat16_weights import to_bfloat16_weights
from edgetool.exporters.onnx.half_precision import to_float16
from edgetool.exporters.onnx.lower_opset import lower_opset
from edgetool.exporters.onnx.symmetric import dequantize_biases, require_symmetric
from edgetool.graph import Graph
from edgetool.graph.check import find_problems
from edgetool.graph.edit import remove_unused
from edgetool.graph.shapes import infer_shapes

PRECISIONS = ("float32", "float16", "bfloat16", "int8", "int16x8", "w4a8", "w4a4", "w4")
MAX_FILE_BYTES = (1 << 31) - 1


def export_onnx(
    graph: Graph,
    path: Path,
    *,
    opset_max: int | None = None,
    precision: str = "float32",
    symmetric_activations: bool = False,
) -> tuple[str, ...]:
    """Save graph for a runtime; graph itself is not changed. Gives what a user should know.

    opset_max: newest operator set that the runtime reads, 13 or later; None for any.
    precision: one of PRECISIONS; float16 converts weights and arithmetic, inputs and outputs
    stay float32; bfloat16 stores weights that were rounded to it.
    symmetric_activations: for TensorRT; zero points must be 0, biases become float32.
    Raises: UnsupportedOperatorError naming the operator and node that the opset cannot say;
    QuantizationError naming a tensor that is not symmetric; UsageError for an unknown precision.
    """
    if precision not in PRECISIONS:
        raise UsageError(
            f"precision '{precision}' cannot be written as ONNX",
            details=[f"known: {', '.join(PRECISIONS)}"],
        )
    work, notes = graph.clone(), []
    if symmetric_activations and work.is_quantized():
        require_symmetric(work)
        notes += dequantize_biases(work)
    if precision == "float16":
        notes += to_float16(work)
    if precision == "bfloat16":
        notes += to_bfloat16_weights(work)
    if opset_max is not None and opset_max < work.opset:
        notes += lower_opset(work, opset_max)
    remove_unused(work.graph)
    infer_shapes(work.model)
    problems = find_problems(work)
    if problems:
        raise EdgetoolError("the exported graph is not legal", details=problems[:10])
    _write(path, _checked_bytes(_finished(work)))
    return tuple(notes)


def _finished(graph: Graph) -> onnx.ModelProto:
    """The model with versions that fit each other and nothing that varies from run to run."""
    model = graph.model
    opset = graph.opset
    model.graph.opset_imports.clear()
    model.graph.opset_imports[""] = opset
    model.ir_version = onnx.helper.OP_SET_ID_VERSION_MAP[("ai.onnx", opset)]
    model.producer_name, model.producer_version = "edgetool", __version__
    model.doc_string = None
    for node in model.graph:
        node.doc_string = None
        node.metadata_props.clear()
    proto: onnx.ModelProto = ir.serde.serialize_model(model)
    return proto


def _checked_bytes(proto: onnx.ModelProto) -> bytes:
    if proto.ByteSize() > MAX_FILE_BYTES:
        raise ModelError(
            f"the model has {proto.ByteSize():,} bytes, an ONNX file holds {MAX_FILE_BYTES:,}"
        )
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        first = str(error).strip().splitlines()[0]
        raise EdgetoolError(f"onnx.checker refuses the exported model: {first}") from error
    return bytes(proto.SerializeToString(deterministic=True))


def _write(path: Path, data: bytes) -> None:
    """Write aside, then rename: a reader never sees half a file."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(data)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
