"""ONNX, opset 7 to 24, from bytes that nobody vouches for."""

from edgetool.importers.onnx.read import read

EXTENSIONS = (".onnx",)

__all__ = ["EXTENSIONS", "read"]
