"""From a model file to an Artifact: the steps of `edgetool compile`, in order."""

from edgetool.compilation.request import CompileRequest
from edgetool.compilation.steps import compile_model

__all__ = ["CompileRequest", "compile_model"]
