"""Quantize a model with edgetool, in a process of its own: python own.py METHOD MODEL DATA OUTPUT.

METHOD: minmax or percentile (at effort fast), or normal. Prints JSON: CPU seconds of calibration
and quantization without imports, loading and the passes before; the process's peak memory in MiB;
elements a sample of each activation that gets a range.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir

from edgetool.graph import Graph, static_shape
from edgetool.importers import load_model
from edgetool.passes import PassContext
from edgetool.pipeline import FLOAT, QUANTIZE, run_pipeline
from edgetool.quantization.layers import select_layers
from edgetool.quantization.scale_groups import group_values


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def sizes(graph: Graph) -> list[int]:
    """Elements a sample of every activation that gets a range of its own."""
    groups = group_values(select_layers(graph).layers, symmetric=False).groups
    values = [v for group in groups if group.fixed is None for v in group.observed]
    return [math.prod(static_shape(value) or (0,)) for value in values]


def main(method: str, model: str, data: str, output: str) -> None:
    """Quantize, write the QDQ model, and print what it cost."""
    samples = np.load(data)["x"]
    graph = load_model(Path(model))
    name = str(graph.graph.inputs[0].name)
    context = PassContext(shapes={name: (1, *samples.shape[1:])})
    graph, _ = run_pipeline(graph, context, (FLOAT,))
    counted = sizes(graph)
    options = {"effort": "normal"} if method == "normal" else {"ranges": method}
    started = cpu_s()
    graph, reports = run_pipeline(graph, PassContext({name: samples}, options=options), (QUANTIZE,))
    spent = cpu_s() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Path(output).write_bytes(ir.serde.to_proto(graph.model).SerializeToString())
    notes = [note for report in reports for note in report.notes]
    costs = {"cpu_s": spent, "peak_mib": peak, "sizes": counted, "notes": notes}
    print(json.dumps(costs))


if __name__ == "__main__":
    main(*sys.argv[1:])
