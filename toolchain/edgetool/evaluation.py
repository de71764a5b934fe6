"""Evaluation: how good a model's outputs are on samples, alone and against a reference model.

Models that lower to a Program are judged by the NumPy executor, whose integers define the right
answer; float models and what does not lower by ONNX Runtime without graph optimisation. What
ONNX Runtime's default session makes of an int8 model on this CPU is measured beside it: on some
x86 CPUs it is something else (docs/quantization.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool import pipeline
from edgetool.artifact import MANIFEST, ONNX, Artifact
from edgetool.compilation.datasets import refuse_batch
from edgetool.compilation.ports import port_specs, ports_of_graph, specs_of_artifact
from edgetool.compilation.sample_warnings import saturation_notes
from edgetool.data import Dataset, InputSpec, load_data
from edgetool.errors import DataError, UnsupportedOperatorError
from edgetool.figures import Figure
from edgetool.graph import Graph
from edgetool.importers import load_model
from edgetool.metrics import choose_metric, decisions_equal, evaluate, sqnr_db
from edgetool.passes import PassContext
from edgetool.program.boundary import from_program, to_program
from edgetool.program.executor import execute
from edgetool.program.lowering import lower
from edgetool.program.program import Program
from edgetool.runtimes.onnxruntime import OnnxRuntimeSession
from edgetool.runtimes.session import Progress, labelled

Array = npt.NDArray[Any]

EXECUTOR, ONNXRUNTIME = "reference executor", "onnxruntime, unoptimised"
CHECKED_SAMPLES = 100
LOW_SQNR_DB = 20.0
"""Where ONNX Runtime only rounds ties otherwise it stays far above this; where it saturates at
16 bits, far below."""


@dataclass(frozen=True)
class Evaluation:
    """Scores of one model over samples.

    judge: what computed its outputs.   metric, reference_metric: by name, where labels are.
    closeness: output name to sqnr_db and decisions_equal against the reference; sqnr_db is left
    out where the outputs are identical.   notes: conversions and warnings.
    """

    samples: int
    judge: str
    metric: Mapping[str, Figure]
    reference_metric: Mapping[str, Figure]
    closeness: Mapping[str, Mapping[str, Figure]]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """A model that can be run over samples, from an artifact or from a model file.

    program: for the executor, else None.   onnx: for ONNX Runtime.   zero_points: of integer
    outputs of onnx, in its order.
    """

    specs: Sequence[InputSpec]
    program: Program | None
    onnx: Path | bytes
    zero_points: Sequence[int] = ()

    @property
    def judge(self) -> str:
        """What computes its outputs."""
        return ONNXRUNTIME if self.program is None else EXECUTOR

    @property
    def is_quantized(self) -> bool:
        """Whether the executor computes it in integers."""
        return self.program is not None and any(
            tensor.quantization is not None for tensor in self.program.activations()
        )

    def outputs(self, dataset: Dataset, progress: Progress | None) -> dict[str, Array]:
        """Real values by output name, (samples, *source shape without batch)."""
        if self.program is None:
            session = OnnxRuntimeSession(self.onnx, optimised=False)
            found = session.run(dataset.inputs, progress)
            return {name: _without_batch(array) for name, array in found.items()}
        inputs = to_program(self.program, dataset.inputs)
        values = execute(self.program, inputs, progress=labelled(progress, EXECUTOR))
        return from_program(self.program, values)


def evaluate_model(
    model: Path,
    samples: str,
    reference: Path | None = None,
    metric: str | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score model over samples, and against reference where one is given.

    model, reference: an artifact's folder or a model file.   samples: as load_data reads them,
    in each model's own layout and type.   metric: None takes what the labels suggest.
    shapes: of a model file's inputs by name, where they are not fixed or hold a batch.
    Raises: ModelError, DataError, UsageError and what running raises; DataError for outputs that
    cannot be compared, and where there is nothing to score by.
    """
    candidate = open_model(model, shapes or {})
    dataset = load_data(samples, candidate.specs)
    outputs = candidate.outputs(dataset, progress)
    notes = dataset.notes + saturation_notes(candidate.program, dataset)
    notes += cpu_notes(candidate, dataset)
    compared: tuple[Mapping[str, Figure], Mapping[str, Mapping[str, Figure]]] = ({}, {})
    if reference is not None:
        original = open_model(reference, {})
        expected_data = load_data(samples, original.specs)
        expected = original.outputs(expected_data, progress)
        notes += tuple(f"reference: {note}" for note in expected_data.notes)
        compared = (
            _scores(metric, expected, expected_data, original.judge),
            closeness(expected, outputs, candidate.judge),
        )
    own = _scores(metric, outputs, dataset, candidate.judge)
    if not own and reference is None:
        raise DataError(
            f"'{samples}' has no labels that suggest a metric, and there is no reference",
            hints=(
                "an array of labels named y, one a sample",
                "--reference MODEL   the float model, for SQNR and equal decisions",
                "--metric NAME       top1, auc, mse or module:function",
            ),
        )
    return Evaluation(dataset.samples, candidate.judge, own, *compared, notes)


def open_model(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Model:
    """The artifact in a folder, or the model in a file with its constants folded.

    Raises: UsageError, ModelError and its kind, also for a model of several samples at a time.
    """
    if path.is_dir() or path.name == MANIFEST:
        return _open_artifact(Artifact.open(path if path.is_dir() else path.parent))
    source = load_model(path)
    specs = port_specs(source, shapes)
    for spec in specs:
        refuse_batch(spec)
    graph, _ = pipeline.run_pipeline(source, PassContext(shapes=shapes), (pipeline.FLOAT,))
    content: bytes = ir.serde.serialize_model(graph.model).SerializeToString()
    program = _lowered(graph) if graph.is_quantized() else None
    ports = ports_of_graph(graph)[1] if program is None else ()
    zero_points = [port.zero_point or 0 for port in ports]
    return Model(specs, program, content, zero_points)


def closeness(
    expected: Mapping[str, Array], outputs: Mapping[str, Array], judge: str
) -> dict[str, dict[str, Figure]]:
    """sqnr_db and decisions_equal by output name; outputs are paired by name, else by order.

    Raises: DataError for another number of outputs or other sizes.
    """
    if len(expected) != len(outputs):
        raise DataError(
            f"the reference has {len(expected)} outputs, the model {len(outputs)}",
            hints=("--reference MODEL   the float model that this one was made from",),
        )
    names = list(expected) if expected.keys() == outputs.keys() else None
    pairs = [(n, outputs[n]) for n in names] if names else list(outputs.items())
    found = {}
    for (name, output), wanted in zip(pairs, expected.values(), strict=True):
        if output.size != wanted.size:
            raise DataError(
                f"output '{name}' is {output.shape[1:]}, the reference's is {wanted.shape[1:]}"
            )
        found[name] = _closeness(wanted, output.reshape(wanted.shape), judge)
    return found


def cpu_notes(model: Model, dataset: Dataset) -> tuple[str, ...]:
    """A warning when ONNX Runtime's default session computes an int8 model otherwise here.

    Both sessions are run over the first samples: it is measured, not told from the CPU's name.
    """
    if not model.is_quantized:
        return ()
    inputs = dataset.first(CHECKED_SAMPLES).inputs
    plain, default = (
        OnnxRuntimeSession(model.onnx, optimised=optimised).run(inputs)
        for optimised in (False, True)
    )
    zero_points = model.zero_points or [0] * len(plain)
    for (name, expected), zero_point in zip(plain.items(), zero_points, strict=True):
        wanted = expected.astype(np.float64) - zero_point
        found = default[name].astype(np.float64) - zero_point
        if (noise := sqnr_db(wanted, found)) < LOW_SQNR_DB:
            same = decisions_equal(wanted, found)
            return (
                f"ONNX Runtime's default session on this CPU computes something else: "
                f"{noise:.1f} dB SQNR and {same:.1%} equal decisions over {len(wanted)} samples; "
                "an int8 score of its is no score of this model",
            )
    return ()


def _open_artifact(artifact: Artifact) -> Model:
    ports = artifact.manifest.outputs
    return Model(
        specs_of_artifact(artifact),
        artifact.program(),
        artifact.folder / ONNX,
        [(port.zero_point or 0) if port.source_dtype != "float32" else 0 for port in ports],
    )


def _without_batch(array: Array) -> Array:
    """(samples, 1, …) as (samples, …); outputs that have no batch dimension as they are."""
    return array[:, 0] if array.ndim > 2 and array.shape[1] == 1 else array


def _lowered(graph: Graph) -> Program | None:
    """The graph's Program; None for what only ONNX Runtime runs."""
    try:
        return lower(graph, "model")
    except UnsupportedOperatorError:
        return None


def _closeness(expected: Array, output: Array, judge: str) -> dict[str, Figure]:
    noise = sqnr_db(expected, output)
    figures = {"decisions_equal": Figure(decisions_equal(expected, output), "1", "computed", judge)}
    if math.isfinite(noise):
        figures["sqnr_db"] = Figure(noise, "dB", "computed", judge)
    return figures


def _scores(
    metric: str | None, outputs: Mapping[str, Array], dataset: Dataset, judge: str
) -> dict[str, Figure]:
    chosen = choose_metric(metric, outputs, dataset)
    found = evaluate(chosen, outputs, dataset)
    return {name: replace(figure, source=judge) for name, figure in found.items()}
