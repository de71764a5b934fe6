"""Graph to an .onnx file under a target's rules: opset, precision, symmetric activations."""

from edgetool.exporters.onnx.export import export_onnx

__all__ = ["export_onnx"]
