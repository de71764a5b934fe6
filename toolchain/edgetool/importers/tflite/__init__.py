"""TFLite to Graph: float32, float16 weights, int8 and int4 with their parameters to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgetool.errors import ModelFormatError

if TYPE_CHECKING:
    from edgetool.graph import Graph, ModelSource

# The file identifier stands behind the offset of the root table.
MAGIC = (4, b"TFL3")


def read(data: bytes, source: ModelSource, folder: Path | None = None) -> Graph:
    """The model in a .tflite file's bytes; they may be hostile.

    folder: not used, a .tflite file is whole.
    Returns: opset 17; inputs and outputs have the file's names, layouts and types. Inside,
    operators are ONNX's (NCHW), and quantized tensors stand between QuantizeLinear and
    DequantizeLinear with the file's own scales and zero points.
    Raises: ModelFormatError, and nothing else, for bytes that are not such a model.
    """
    # The generated schema is 300 modules: loaded for .tflite files only.
    from edgetool.graph import Graph
    from edgetool.importers.tflite.convert import convert
    from edgetool.importers.tflite.flatbuffer import Budget
    from edgetool.importers.tflite.reader import read_model

    try:
        return Graph(convert(read_model(data), Budget(len(data))), source)
    except ModelFormatError as error:
        message = f"{source.path}: {error.message}"
        raise ModelFormatError(message, details=error.details, hints=error.hints) from error
