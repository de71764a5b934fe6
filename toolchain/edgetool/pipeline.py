"""THE ordered list of passes.

Each name is a module of edgetool.passes. After every pass the graph is checked, and with
calibration data its outputs are compared with those of the graph as it came.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import EdgetoolError
from edgetool.figures import Figure
from edgetool.graph import Graph
from edgetool.graph.check import find_problems
from edgetool.graph.execute import Executor
from edgetool.measure.freed_memory import return_freed_memory
from edgetool.passes.contract import PassContext, PassResult

ALWAYS, FLOAT_ONLY, QUANTIZED_ONLY = "always", "float", "quantized"
COST_SAMPLES = 4
LARGE_PARAMETERS = 1 << 20


@dataclass(frozen=True)
class Step:
    """A pass and the graphs it is for: ALWAYS, FLOAT_ONLY or QUANTIZED_ONLY."""

    name: str
    when: str = ALWAYS

    def applies_to(self, graph: Graph) -> bool:
        """Whether the pass is to run on this graph."""
        return self.when == ALWAYS or graph.is_quantized() == (self.when == QUANTIZED_ONLY)


FLOAT = (
    Step(
        "expand_qoperators"
    ),  # QLinearConv and its kin → QDQ; first, for ONNX has no shapes for some
    Step("fix_shapes"),
    Step("fold_constants"),
    Step("canonicalise_shapes"),
    Step("canonicalise_operators", FLOAT_ONLY),
    Step("remove_identities"),
    Step("cancel_transposes"),
    Step("fuse_hardswish", FLOAT_ONLY),
    Step("split_hardsigmoid", FLOAT_ONLY),
    Step("make_gemm", FLOAT_ONLY),
    Step("fold_batchnorm", FLOAT_ONLY),
    Step("fold_scales", FLOAT_ONLY),
    Step("fold_padding", FLOAT_ONLY),
    Step("fold_constants"),
    Step("remove_identities"),
    Step("normalize_qdq", QUANTIZED_ONLY),
    Step("fold_constant_channels"),
)

QUANTIZE = (
    Step("equalize_channels", FLOAT_ONLY),
    Step("quantize_static", FLOAT_ONLY),
    Step("reconstruct_weights", QUANTIZED_ONLY),
    Step("fold_constant_channels", QUANTIZED_ONLY),
)

WEIGHTS_ONLY = (Step("quantize_weights", FLOAT_ONLY),)

HALF_WEIGHTS = (Step("round_to_bfloat16", FLOAT_ONLY),)


@dataclass(frozen=True)
class PassCost:
    """How far the outputs are from the first graph's, over a few calibration samples.

    sqnr_db: 10 log10(sum of squares / sum of squared errors), None when nothing differs.
    max_difference: the largest absolute difference of any output element.
    """

    samples: int
    max_difference: float
    sqnr_db: float | None

    def to_json(self) -> dict[str, Any]:
        """Figures beside the number of samples; sqnr_db is left out when nothing differs."""
        found: dict[str, Any] = {"samples": self.samples}
        found["max_difference"] = Figure(self.max_difference, "1", "computed").to_json()
        if self.sqnr_db is not None:
            found["sqnr_db"] = Figure(self.sqnr_db, "dB", "computed").to_json()
        return found


@dataclass(frozen=True)
class PassReport:
    """What one pass did, itself, without checks and cost.

    seconds: wall time.   cpu_seconds: processor time of all threads.
    """

    name: str
    changed: bool
    notes: tuple[str, ...]
    nodes_before: int
    nodes_after: int
    parameters_before: int
    parameters_after: int
    seconds: float = field(compare=False)
    cost: PassCost | None = None
    cpu_seconds: float = field(default=0.0, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Plain values for --json; cost is left out when it was not measured."""
        found: dict[str, Any] = {
            "name": self.name,
            "changed": self.changed,
            "notes": list(self.notes),
            "nodes_before": self.nodes_before,
            "nodes_after": self.nodes_after,
            "parameters_before": self.parameters_before,
            "parameters_after": self.parameters_after,
            "seconds": round(self.seconds, 6),
        }
        return found if self.cost is None else {**found, "cost": self.cost.to_json()}


def run_pipeline(
    graph: Graph,
    context: PassContext,
    stages: Sequence[Sequence[Step]] = (FLOAT,),
    watch: Callable[[str, Graph], None] | None = None,
) -> tuple[Graph, list[PassReport]]:
    """Run the stages' passes in order on a copy of graph.

    stages: such as (FLOAT,) or (FLOAT, QUANTIZE). One report a pass that ran.
    watch: called with each pass's name and the graph that it left, to look at or to clone.
    Raises: what the passes raise; EdgetoolError (our bug) naming the pass that left an
    illegal graph.
    """
    graph = graph.clone()
    reference: _Reference | None = None
    reports = []
    for step in (step for stage in stages for step in stage):
        if not step.applies_to(graph):
            continue
        if step.name == "quantize_static":
            context = replace(context, float_graph=graph.clone())
        graph, report = _run_step(step, graph, context)
        has_shapes = not find_problems(graph)
        if has_shapes and reference is None:
            reference = _Reference.of(graph, context)
        elif report.changed and reference is not None:
            report = _with_cost(report, reference.cost_of(graph))
        reports.append(report)
        if watch is not None:
            watch(step.name, graph)
    graph = graph.clone()  # onnx_ir remembers the constants that left the old one
    _tidy(graph)
    return graph, reports


def count_parameters(graph: Graph) -> int:
    """Elements of all floating-point and integer constants that have at least one dimension."""
    shapes = [v.shape for v in graph.graph.initializers.values() if v.shape is not None]
    return sum(math.prod(shape.numpy()) for shape in shapes if len(shape) > 0)


def _tidy(graph: Graph) -> None:
    """Let go of what passes left behind, where it is worth the time."""
    if count_parameters(graph) >= LARGE_PARAMETERS:
        return_freed_memory()


def _run_step(step: Step, graph: Graph, context: PassContext) -> tuple[Graph, PassReport]:
    nodes, parameters = len(graph.graph), count_parameters(graph)
    run = importlib.import_module(f"edgetool.passes.{step.name}").run
    start, start_cpu = time.perf_counter(), time.process_time()
    result: PassResult = run(graph, context)
    if result.changed:
        _tidy(result.graph)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    problems = find_problems(result.graph, complete=step.name != "expand_qoperators")
    if problems:
        raise EdgetoolError(
            f"pass '{step.name}' left a graph that is not legal",
            details=problems[:10],
            hints=["report this with the model: it is a fault of edgetool, not of the model"],
        )
    return result.graph, PassReport(
        step.name,
        result.changed,
        result.notes,
        nodes,
        len(result.graph.graph),
        parameters,
        count_parameters(result.graph),
        seconds,
        cpu_seconds=cpu_seconds,
    )


def _with_cost(report: PassReport, cost: PassCost | None) -> PassReport:
    return replace(report, cost=cost)


@dataclass(frozen=True)
class _Reference:
    """The first complete graph's outputs on a few calibration samples."""

    samples: Mapping[str, npt.NDArray[Any]]
    outputs: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def of(cls, graph: Graph, context: PassContext) -> _Reference | None:
        """None when there are no data, or onnxruntime cannot run the graph."""
        names = {str(value.name) for value in graph.graph.inputs}
        if context.calibration is None or set(context.calibration) != names:
            return None
        samples = {name: array[:COST_SAMPLES] for name, array in context.calibration.items()}
        outputs = _outputs(graph, samples)
        return None if outputs is None else cls(samples, outputs)

    def cost_of(self, graph: Graph) -> PassCost | None:
        """None when onnxruntime cannot run the graph."""
        found = _outputs(graph, self.samples)
        if found is None or set(found) != set(self.outputs):
            return None
        signal = noise = largest = 0.0
        for name, reference in self.outputs.items():
            wanted = reference.astype(np.float64)
            difference = found[name].astype(np.float64) - wanted
            signal += float((wanted**2).sum())
            noise += float((difference**2).sum())
            largest = max(largest, float(np.abs(difference).max(initial=0.0)))
        finite = noise > 0 and signal > 0 and math.isfinite(signal / noise)
        sqnr_db = round(10 * math.log10(signal / noise), 3) if finite else None
        count = min(len(array) for array in self.samples.values())
        return PassCost(count, largest, sqnr_db)


def _outputs(
    graph: Graph, samples: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]] | None:
    """Cost is information: a graph that onnxruntime cannot run is judged elsewhere."""
    try:
        return Executor(graph).run_samples(samples)
    except Exception:
        return None
    finally:
        _tidy(graph)
