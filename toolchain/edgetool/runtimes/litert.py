"""LiteRT (TensorFlow Lite's interpreter) on this machine's CPU."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgetool.errors import DeviceError, MissingToolError
from edgetool.runtimes.session import Array, Progress

PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


def is_available() -> bool:
    """Whether an interpreter is installed: ai-edge-litert, or tflite-runtime before it."""
    return any(importlib.util.find_spec(name.partition(".")[0]) for name in PACKAGES)


class LiteRtSession:
    """A .tflite model loaded by LiteRT, one thread.

    reference: its reference kernels, which define int8 results; else its fast ones (XNNPACK).
    """

    name = "litert"

    def __init__(self, model: Path | bytes, *, reference: bool, threads: int = 1) -> None:
        module = _interpreter_module()
        content = model if isinstance(model, bytes) else model.read_bytes()
        resolver = module.OpResolverType
        kind = resolver.BUILTIN_REF if reference else resolver.AUTO
        try:
            self._interpreter = module.Interpreter(
                model_content=content, num_threads=threads, experimental_op_resolver_type=kind
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise DeviceError(f"LiteRT does not load the model: {error}") from error
        self._inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()

    def run(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """See Session.run."""
        count = len(next(iter(inputs.values())))
        results: dict[str, list[Array]] = {detail["name"]: [] for detail in self._outputs}
        for index in range(count):
            for detail in self._inputs:
                sample = inputs[detail["name"]][index].reshape(detail["shape"])
                self._interpreter.set_tensor(detail["index"], sample)
            self.invoke()
            for detail in self._outputs:
                results[detail["name"]].append(self._interpreter.get_tensor(detail["index"]))
            if progress is not None:
                progress(index + 1, count, "litert")
        return {name: np.stack(rows) for name, rows in results.items()}

    def invoke(self) -> None:
        """One inference on the inputs set last."""
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise DeviceError(f"LiteRT failed to run the model: {error}") from error


def _interpreter_module() -> Any:  # neither package has type stubs
    for name in PACKAGES:
        if importlib.util.find_spec(name.partition(".")[0]):
            return importlib.import_module(name)
    raise MissingToolError("LiteRT is not installed", hints=("pip install 'edgetool[litert]'",))
