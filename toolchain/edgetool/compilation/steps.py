"""The steps of compile, in order; each is a function of what came before."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgetool import __version__, artifact, pipeline
from edgetool.artifact import Artifact, Manifest, Port
from edgetool.compilation.aims import aim_figures, aim_note
from edgetool.compilation.budget import Budget
from edgetool.compilation.datasets import load_datasets
from edgetool.compilation.estimated_latency import estimate_latency_s
from edgetool.compilation.firmware import CompiledC, built_flash, compile_c
from edgetool.compilation.fitting import check_before_build, check_built
from edgetool.compilation.golden import NOISE, golden_samples
from edgetool.compilation.notes import (
    budget_note,
    data_notes,
    simulation_note,
    speed_note,
    unscored_note,
    unused_calibration_note,
    unused_rounding_notes,
    why_nothing_is_quantized,
)
from edgetool.compilation.patching import Fit, Fitted, fit_program
from edgetool.compilation.ports import ports_of_graph, ports_of_program
from edgetool.compilation.precision_search import Choice, Question, search_precisions
from edgetool.compilation.quantization_report import Stages, quantization_report
from edgetool.compilation.recovery import Recovery, Told, measure_recovery, wants_recovery
from edgetool.compilation.request import ACTIVATION_BITS, CompileRequest, choose_precision
from edgetool.compilation.sample_warnings import calibration_warnings, saturation_notes
from edgetool.data import Dataset, overlap_note
from edgetool.errors import UnsupportedOperatorError
from edgetool.exporters.onnx import export_onnx
from edgetool.exporters.tflite import export_tflite
from edgetool.figures import Figure
from edgetool.graph import Graph
from edgetool.graph.execute import Executor
from edgetool.importers import load_model
from edgetool.metrics import choose_metric, evaluate
from edgetool.models import cache_folder
from edgetool.packs import Target, find_target, record_target
from edgetool.passes import PassContext
from edgetool.program.boundary import from_program, to_program, with_io
from edgetool.program.executor import execute
from edgetool.program.lowering import lower
from edgetool.program.program import Program
from edgetool.program.serialize import dump_program, save_arrays
from edgetool.quantization.recovery_steps import parse_steps
from edgetool.runtimes.onnxruntime import OnnxRuntimeSession
from edgetool.runtimes.session import Progress, labelled, step

QUANTIZING = {
    **dict.fromkeys(ACTIVATION_BITS, (pipeline.QUANTIZE,)),
    "w4": (pipeline.WEIGHTS_ONLY,),
    "bfloat16": (pipeline.HALF_WEIGHTS,),
}
"""By precision, what comes after the float passes."""
NOT_IN_TFLITE = {
    "w4": "LiteRT has no int4 weights beside float32 activations",
    "bfloat16": "LiteRT has no bfloat16 weights; it has those of --precision float16",
}


@dataclass(frozen=True)
class Prepared:
    """A model ready to be exported: its final graph, its Program if it lowers, and the story."""

    request: CompileRequest
    target: Target
    precision: str
    graph: Graph
    program: Program | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    reports: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    calibration: Dataset | None
    evaluation: Dataset | None
    fitted: Fitted | None = None
    noise: Mapping[str, Any] | None = None
    choice: Choice | None = None
    recovery: Recovery | None = None

    @property
    def c_program(self) -> Program | None:
        """The Program as generated C runs it: in strips where --fit asks for them."""
        return self.program if self.fitted is None else self.fitted.program


def compile_model(
    request: CompileRequest, progress: Progress | None = None, told: Told | None = None
) -> Artifact:
    """Compile a model for a target and write the artifact.

    told: called with what each step of recovery gained and took, where any was switched on.
    Raises: UsageError and its kind before anything is written; ModelError when the model cannot
    be compiled or does not fit. On any error nothing is left behind.
    """
    request.check()
    target = find_target(request.target)
    source = load_model(request.model)
    precision = choose_precision(request, target, source)
    request = request.with_fit_of_budget()
    folder = request.folder(target, precision)
    artifact.check_output(folder, request.force)
    prepared = prepare(request, target, precision, source, progress)
    if prepared.program is not None:
        lowered = prepared.program
        fitted = fit_prepared(prepared, lowered, progress)
        prepared = replace(prepared, fitted=fitted)
        program = fitted.program if fitted is not None else lowered
        check_before_build(program, target, request.optimize, can_fit=request.fit is None)
    with artifact.new_folder(folder, request.force) as aside:
        manifest = write_artifact(prepared, aside, progress)
        artifact.write_manifest(aside, manifest)
    if told is not None and prepared.recovery is not None:
        told(prepared.recovery)
    return Artifact.open(folder)


def prepare(
    request: CompileRequest,
    target: Target,
    precision: str,
    source: Graph,
    progress: Progress | None,
) -> Prepared:
    """Run the passes and lower."""
    calibration, evaluation = load_datasets(request, source)
    context = PassContext(
        calibration=dict(calibration.inputs) if calibration is not None else None,
        shapes=request.shapes,
        options=pass_options(request, target, precision, progress),
    )
    stages = (pipeline.FLOAT, *QUANTIZING.get(precision, ()))
    choice = search(request, target, precision, source, context, calibration, evaluation, progress)
    if choice is not None:
        narrow = frozenset(choice.chosen.narrow)
        context = replace(context, options={**context.options, "narrow_layers": narrow})
    kept = Stages() if request.report or wants_recovery(context.options) else None
    graph, reports = pipeline.run_pipeline(source, context, stages, kept)
    recovery = None
    if kept is not None:
        with step(progress, "measure what each step of recovery gained"):
            recovery = measure_recovery(
                kept,
                reports,
                context,
                calibration,
                evaluation,
                lambda graph, samples: run_integers(request, target, precision, graph, samples),
            )
    program, notes = lower_for(request, target, precision, graph)
    for dataset in (calibration, evaluation):
        notes += data_notes(dataset)
    notes += overlap_note(calibration, evaluation) + unscored_note(request, evaluation)
    notes += unused_calibration_note(calibration, precision, source)
    notes += unused_rounding_notes(request, precision, source)
    if not why_nothing_is_quantized(precision, source):
        notes += calibration_warnings(calibration)
    notes += speed_note(target, precision, source) + simulation_note(precision)
    notes += saturation_notes(program, evaluation) + budget_note(choice)
    if program is not None:
        inputs, outputs = ports_of_program(program, graph)
    else:
        inputs, outputs = ports_of_graph(graph)
    return Prepared(
        request,
        target,
        precision,
        graph,
        program,
        inputs,
        outputs,
        tuple(report_of(report) for report in reports),
        (*target.notes, *notes),
        calibration,
        evaluation,
        choice=choice,
        noise=quantization_report(
            kept if request.report else None, calibration, evaluation, context.options, progress
        ),
        recovery=recovery,
    )


def search(
    request: CompileRequest,
    target: Target,
    precision: str,
    source: Graph,
    context: PassContext,
    calibration: Dataset | None,
    evaluation: Dataset | None,
    progress: Progress | None,
) -> Choice | None:
    """Which layers' weights take 4 bits, where --budget asks."""
    if not request.budget or calibration is None:
        return None
    builds = target.family == "microcontroller" and request.compiler != "none"

    def lower_graph(graph: Graph) -> Program:
        program, notes = lower_for(request, target, precision, graph)
        if program is None:
            raise UnsupportedOperatorError(
                f"--budget needs a model that lowers: {'; '.join(notes)}",
                hints=("leave out --budget",),
            )
        return program

    def fitted(program: Program) -> Fitted:
        # Without --fit the budget is none, so that the program stays as it is.
        fit = Fit.parse(request.fit) if request.fit is not None else Fit(sys.maxsize)
        return fit_program(program, target, request.optimize, fit)

    def flash_of(program: Program) -> int:
        running = fitted(program).program
        return built_flash(running, target, request.compiler, request.optimize, progress)

    def latency_of(program: Program) -> float:
        running = fitted(program).program
        first = to_program(program, calibration.first(1).inputs)
        sample = [first[name][0].tobytes() for name in program.inputs]
        return estimate_latency_s(
            running, target, request.compiler, request.optimize, sample, progress
        )

    return search_precisions(
        Question(
            source,
            context,
            Budget.parse(request.budget),
            calibration,
            evaluation,
            request.metric,
            lower_graph,
            flash_of if builds else None,
            (lambda program: fitted(program).arena_bytes) if target.core is not None else None,
            latency_of if builds else None,
        ),
        progress,
    )


def pass_options(
    request: CompileRequest, target: Target, precision: str, progress: Progress | None
) -> dict[str, Any]:
    """What quantize_static is to do."""
    options: dict[str, Any] = {"symmetric": target.symmetric_activations}
    options["activation_bits"] = ACTIVATION_BITS.get(precision, 8)
    options["weight_bits"] = 4 if precision in ("w4a8", "w4a4") else 8
    options["calibration_cache"] = cache_folder() / "calibration"
    options["effort"] = request.effort
    if request.recovery is not None:
        options["recovery"] = parse_steps(request.recovery)
    if request.ranges:
        options["ranges"] = request.ranges
    if progress is not None:
        options["progress"] = progress
    return options


def lower_for(
    request: CompileRequest, target: Target, precision: str, graph: Graph
) -> tuple[Program | None, tuple[str, ...]]:
    """The Program with the target's boundary; None where only ONNX runtimes take the model."""
    needs_program = target.family == "microcontroller"
    io = request.io or default_io(target, precision)
    try:
        program = lower(graph, request.model_name)
    except UnsupportedOperatorError as error:
        if needs_program:
            raise
        return None, (f"no TFLite form: {error.message}",)
    if request.io is None and not _computes_in_integers(program):
        io = "float32"
    if graph.is_quantized() and not needs_program and request.io is None:
        return program, ()
    return with_io(program, io), ()


def run_integers(
    request: CompileRequest,
    target: Target,
    precision: str,
    graph: Graph,
    samples: Mapping[str, np.ndarray[Any, Any]],
) -> dict[str, np.ndarray[Any, Any]]:
    """Real outputs of a quantized graph by the integer executor; where it does not lower, by
    ONNX Runtime, unoptimised."""
    program, _ = lower_for(request, target, precision, graph)
    if program is None:
        return Executor(graph).run_samples(samples)
    return from_program(program, execute(program, to_program(program, samples)))


def default_io(target: Target, precision: str) -> str:
    """The element type of inputs and outputs: integers are those of the activations."""
    return "int16" if (target.default_io, precision) == ("int8", "int16x8") else target.default_io


def write_artifact(prepared: Prepared, folder: Path, progress: Progress | None) -> Manifest:
    """Fill folder with everything but the manifest, which is returned."""
    request, target, program = prepared.request, prepared.target, prepared.program
    (folder / artifact.TARGET).write_bytes(record_target(target))
    if prepared.noise is not None:
        (folder / artifact.QUANTIZATION).write_text(json.dumps(prepared.noise, indent=2) + "\n")
    notes = prepared.notes + export_onnx(
        prepared.graph,
        folder / artifact.ONNX,
        opset_max=target.opset_max,
        precision=prepared.precision,
        symmetric_activations=target.symmetric_activations,
    )
    figures = size_figures(prepared, folder)
    compiled: CompiledC | None = None
    aims: Mapping[str, Mapping[str, Figure]] = {}
    if program is not None:
        (folder / artifact.PROGRAM).write_bytes(dump_program(program))
        notes += write_tflite(prepared, folder)
        notes += aim_note(program, target, request.optimize) + fit_note(prepared)
        if target.family == "microcontroller":
            running = prepared.c_program or program
            compiled = compile_c(
                running, target, request.compiler, folder, progress, request.optimize
            )
            figures |= compiled.figures
            check_built(compiled, running, target, request.optimize)
            aims = aim_figures(running, target)
    samples = golden_samples(prepared.inputs, prepared.calibration or prepared.evaluation, program)
    outputs = run_reference(prepared, folder, samples)
    arrays = {f"input_{i}": samples[port.name] for i, port in enumerate(prepared.inputs)}
    arrays |= {f"output_{i}": outputs[port.name] for i, port in enumerate(prepared.outputs)}
    (folder / artifact.GOLDEN).write_bytes(save_arrays(arrays))
    return Manifest(
        name=request.model_name,
        precision=prepared.precision,
        io=prepared.inputs[0].dtype if prepared.inputs else "float32",
        source={**prepared.graph.source.to_json(), "path": request.model.name},
        target=target_provenance(target),
        inputs=prepared.inputs,
        outputs=prepared.outputs,
        passes=prepared.reports,
        notes=notes,
        figures=figures,
        metric=score(prepared, folder, progress),
        calibration=provenance(prepared.calibration),
        evaluation=provenance(prepared.evaluation),
        compiler=compiled.compiler if compiled else None,
        memory=memory_of(prepared, compiled) if compiled else None,
        aims=aims,
        budget=prepared.choice.to_json() if prepared.choice is not None else {},
        recovery=prepared.recovery.to_json() if prepared.recovery is not None else {},
        golden={"samples": len(next(iter(samples.values()), ())), "from": golden_source(prepared)},
        options=chosen_options(request),
        edgetool=__version__,
    )


def chosen_options(request: CompileRequest) -> dict[str, Any]:
    """What the user chose that changes the result, defaults left out."""
    options: dict[str, Any] = {"ranges": request.ranges} if request.ranges else {}
    if request.effort != "fast":
        options["effort"] = request.effort
    if request.recovery is not None:
        options["recovery"] = request.recovery
    if request.optimize != "balanced":
        options["optimize"] = request.optimize
    if request.fit is not None:
        options["fit"] = request.fit
    if request.budget:
        options["budget"] = list(request.budget)
    return options


def fit_prepared(prepared: Prepared, program: Program, progress: Progress | None) -> Fitted | None:
    """The program in the strips that --fit asks for, where there is generated C."""
    request, target = prepared.request, prepared.target
    if request.fit is None or target.family != "microcontroller":
        return None
    with step(progress, "plan the first layers in strips"):
        return fit_program(program, target, request.optimize, Fit.parse(request.fit))


def fit_note(prepared: Prepared) -> tuple[str, ...]:
    """What --fit changed, also where it is nothing or not enough."""
    if prepared.request.fit is None:
        return ()
    if prepared.fitted is None:
        return (f"--fit ram changed nothing: '{prepared.target.name}' runs no generated C",)
    missed = Fit.parse(prepared.request.fit).missed(prepared.fitted.arena_bytes)
    return (prepared.fitted.note, *missed)


def memory_of(prepared: Prepared, compiled: CompiledC) -> dict[str, Any]:
    """The arena's plan for the manifest, with the patches that the C runs in."""
    patches = prepared.fitted.patches if prepared.fitted is not None else None
    return {**compiled.memory, **({"patches": patches.to_json()} if patches else {})}


def write_tflite(prepared: Prepared, folder: Path) -> tuple[str, ...]:
    """model.tflite where the target or a cross-check can use it; a note where TFLite cannot."""
    program, target = prepared.program, prepared.target
    if program is None or not ({"litert", "c"} & set(target.runtimes)):
        return ()
    if prepared.precision in NOT_IN_TFLITE:
        return (f"no TFLite form: {NOT_IN_TFLITE[prepared.precision]}",)
    try:
        content = export_tflite(program, float16_weights=prepared.precision == "float16")
    except UnsupportedOperatorError as error:
        return (f"no TFLite form: {error.message}",)
    (folder / artifact.TFLITE).write_bytes(content)
    return ()


def size_figures(prepared: Prepared, folder: Path) -> dict[str, Figure]:
    """What is known without a compiler."""
    if prepared.program is None:
        size = (folder / artifact.ONNX).stat().st_size
        return {"flash_bytes": Figure(size, "B", "computed", "model file")}
    program = prepared.program
    figures = {
        "macs": Figure(program.total_macs(), "1", "computed"),
        "parameters": Figure(program.parameters(), "1", "computed"),
    }
    if prepared.target.family != "microcontroller":
        size = (folder / artifact.ONNX).stat().st_size
        figures["flash_bytes"] = Figure(size, "B", "computed", "model.onnx")
    return figures


def run_reference(
    prepared: Prepared, folder: Path, samples: Mapping[str, np.ndarray[Any, Any]]
) -> dict[str, np.ndarray[Any, Any]]:
    """Expected outputs by port name: the NumPy executor, or ONNX Runtime unoptimised."""
    if prepared.program is None:
        session = OnnxRuntimeSession(folder / artifact.ONNX, optimised=False)
        return session.run(samples)
    program = prepared.program
    names = dict(zip(program.input_names, program.inputs, strict=True))
    values = execute(program, {names[port]: array for port, array in samples.items()})
    return {
        source: values[name]
        for name, source in zip(program.outputs, program.output_names, strict=True)
    }


def score(prepared: Prepared, folder: Path, progress: Progress | None) -> dict[str, Figure]:
    """The metric on the evaluation data, by the executor that defines the result.

    A graph that does not lower to a Program is run by ONNX Runtime, and the source says so.
    """
    dataset, program = prepared.evaluation, prepared.program
    if dataset is None:
        return {}
    if program is None:
        session = OnnxRuntimeSession(folder / artifact.ONNX, optimised=False)
        found = session.run(dataset.inputs, progress)
        outputs = {name: without_batch(array) for name, array in found.items()}
    else:
        values = execute(
            program, to_program(program, dataset.inputs), progress=labelled(progress, "evaluate")
        )
        outputs = from_program(program, values)
    metric = choose_metric(prepared.request.metric, outputs, dataset)
    # The path of the data is not part of the result; their sha256 stands in the manifest.
    judge = "reference executor" if program is not None else "onnxruntime, unoptimised"
    judge = f"simulated, {judge}" if prepared.precision == "w4a4" else judge
    source = f"{judge}, {dataset.samples} samples"
    scores = evaluate(metric, outputs, dataset)
    return {name: replace(figure, source=source) for name, figure in scores.items()}


def without_batch(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(samples, 1, …) as (samples, …): outputs stacked with their batch dimension of one."""
    return array[:, 0] if array.ndim > 2 and array.shape[1] == 1 else array


def report_of(report: pipeline.PassReport) -> dict[str, Any]:
    """A pass report for the manifest: without its time, which differs from run to run."""
    return {key: value for key, value in report.to_json().items() if key != "seconds"}


def target_provenance(target: Target) -> dict[str, Any]:
    """Name and sources of the target, for the manifest."""
    return {
        "name": target.name,
        "family": target.family,
        "core": target.core.name if target.core else None,
        "runtimes": list(target.runtimes),
        "sha256": target.source.sha256,
        "parents": [parent.sha256 for parent in target.parents],
    }


def provenance(dataset: Dataset | None) -> dict[str, Any] | None:
    """Which data were used, by content."""
    if dataset is None:
        return None
    return {"sha256": dataset.sha256, "samples": dataset.samples}


def golden_source(prepared: Prepared) -> str:
    """Which data the golden samples are."""
    if prepared.calibration is not None:
        return "calibration data"
    return "evaluation data" if prepared.evaluation is not None else NOISE


def _computes_in_integers(program: Program) -> bool:
    return any(tensor.quantization is not None for tensor in program.activations())
