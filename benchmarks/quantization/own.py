"""Quantize a model with edgetool in a process of its own: own.py METHOD THREADS MODEL DATA OUTPUT.

METHOD: minmax, percentile (at effort fast), normal, max. THREADS: processors it may use. Prints
JSON: CPU seconds of the passes that calibrate and quantize (cpu_s), and of the whole stage with its
checks and comparisons (stage_cpu_s), each the least of a few runs, without imports, loading and the
passes before; peak memory in MiB of the process, and what of it was there after the imports;
elements a sample of each activation that gets a range.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from pathlib import Path

import numpy as np
import onnxruntime  # noqa: F401  # imports are not part of the cost
from numpy.typing import NDArray

from edgetool.graph import Graph, static_shape
from edgetool.importers import load_model
from edgetool.passes import PassContext, quantize_static  # noqa: F401
from edgetool.pipeline import FLOAT, QUANTIZE, PassReport, run_pipeline
from edgetool.quantization.layers import select_layers
from edgetool.quantization.scale_groups import group_values

RUNS = {"minmax": 3, "percentile": 3}
QUANTIZING = ("equalize_channels", "quantize_static", "reconstruct_weights")


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib() -> float:
    """The most memory that this program has had; ru_maxrss begins at what its parent had."""
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def sizes(graph: Graph) -> list[int]:
    """Elements a sample of every activation that gets a range of its own."""
    groups = group_values(select_layers(graph).layers, symmetric=False).groups
    values = [v for group in groups if group.fixed is None for v in group.observed]
    return [math.prod(static_shape(value) or (0,)) for value in values]


def quantize(
    graph: Graph, method: str, samples: dict[str, NDArray[np.float32]]
) -> tuple[Graph, list[PassReport], float]:
    """(quantized graph, reports, CPU seconds of the stage)."""
    options = {"ranges": method} if method in ("minmax", "percentile") else {"effort": method}
    started = cpu_s()
    found, reports = run_pipeline(graph, PassContext(samples, options=options), (QUANTIZE,))
    return found, reports, cpu_s() - started


def main(method: str, threads: str, model: str, data: str, output: str) -> None:
    """Quantize, write the QDQ model, and print what it cost."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    imported = peak_mib()
    samples = np.load(data)["x"]
    graph = load_model(Path(model))
    name = str(graph.graph.inputs[0].name)
    context = PassContext(shapes={name: (1, *samples.shape[1:])})
    graph, _ = run_pipeline(graph, context, (FLOAT,))
    runs = [quantize(graph, method, {name: samples})]
    quantized, reports, _ = runs[0]
    peak = peak_mib()
    runs += [quantize(graph, method, {name: samples}) for _ in range(RUNS.get(method, 1) - 1)]
    import onnx_ir as ir  # after edgetool, which keeps it from loading sympy

    Path(output).write_bytes(ir.serde.to_proto(quantized.model).SerializeToString())
    passes = [sum(r.cpu_seconds for r in run[1] if r.name in QUANTIZING) for run in runs]
    costs = {
        "cpu_s": min(passes),
        "stage_cpu_s": min(run[2] for run in runs),
        "peak_mib": peak,
        "imported_mib": imported,
        "sizes": sizes(graph),
        "notes": [note for report in reports for note in report.notes],
    }
    print(json.dumps(costs))


if __name__ == "__main__":
    main(*sys.argv[1:])
