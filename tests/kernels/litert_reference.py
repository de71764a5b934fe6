"""LiteRT's reference kernels, the right answer, run on programs through the TFLite exporter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from edgetool.exporters.tflite import export_tflite
from edgetool.program.operator import Array
from edgetool.program.program import Program


def run_reference(program: Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Outputs (samples, *shape) by tensor name."""
    interpreter = pytest.importorskip(
        "ai_edge_litert.interpreter", reason="LiteRT is missing: pip install 'edgetool[litert]'"
    )
    runner = interpreter.Interpreter(
        model_content=export_tflite(program),
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
    )
    runner.allocate_tensors()
    fed = {detail["name"]: detail["index"] for detail in runner.get_input_details()}
    written = [detail["index"] for detail in runner.get_output_details()]
    results: list[list[Array]] = [[] for _ in written]
    for sample in range(len(inputs[program.inputs[0]])):
        for name in program.inputs:
            runner.set_tensor(fed[name], inputs[name][sample])
        runner.invoke()
        for found, index in zip(results, written, strict=True):
            found.append(runner.get_tensor(index))
    stacked = (np.stack(found) for found in results)
    return dict(zip(program.outputs, stacked, strict=True))
