"""TFLite flatbuffers written directly from a Program: every scale and zero point verbatim."""

from edgetool.exporters.tflite.model import export_tflite

__all__ = ["export_tflite"]
