"""Prove and time an artifact in a Jetson's own TensorRT, in one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgetool.agent import Event, RunState
from edgetool.artifact import ONNX, Artifact
from edgetool.errors import CheckError, DeviceError
from edgetool.packs import Profile
from edgetool.profiling.device_figures import Measured, profiled_from
from edgetool.profiling.device_options import DeviceOptions
from edgetool.profiling.profile import Profiled
from edgetool.program.layouts import inverse
from edgetool.runtimes.board import Board, Recording, Timing, onnx_model
from edgetool.runtimes.board.model import as_source, push_inputs
from edgetool.runtimes.session import Progress, step
from edgetool.runtimes.tensorrt import flags
from edgetool.runtimes.tensorrt.jobs import Board as Jetson
from edgetool.runtimes.tensorrt.jobs import Model, Result, describe_job, explain_log, read_result
from edgetool.runtimes.tensorrt.look import find_tensorrt
from edgetool.verification.device import CLOSE_ENOUGH, CLOSE_ENOUGH_INTEGER, relative_rms

RUNTIME = "tensorrt"  # as the device's side names it in the journal
PROVED = 4  # golden samples: each costs a start of CUDA, seconds on a Nano
NOT_LOCKED = "clocks were not locked: TensorRT needs the GPU's too, sudo jetson_clocks on the board"


def wants_tensorrt(artifact: Artifact, options: DeviceOptions) -> bool:
    """Whether TensorRT is asked for, or is what the artifact's target runs."""
    fits = "tensorrt" in artifact.manifest.target.get("runtimes", ())
    return options.runtime == "tensorrt" or (options.runtime == "auto" and fits)


def profile_with_tensorrt(
    board: Board,
    artifact: Artifact,
    options: DeviceOptions,
    protocol: Profile,
    details: Mapping[str, Any],
    progress: Progress | None,
) -> Profiled:
    """Figures as of any runtime on a device; the engine is built there unless it is cached.

    Latency: input copied, computed, output copied, by trtexec's own trace; a window is a run of
    trtexec.   details: to be reported too.
    Raises: DeviceError and its kind; what failures.explain_failure says; CheckError when TensorRT
    computes something else.
    """
    with step(progress, "look for TensorRT"):
        jetson = find_tensorrt(board.client)
    job = _job(board, jetson, artifact, protocol)
    recording, state, result = _run(board, job, progress)
    _prove(board.where, artifact, result)
    recording.models[RUNTIME] = _timing(result, recording.models.get(RUNTIME, Timing()))
    known = {**details, RUNTIME: _about(jetson, job, result)}
    found = profiled_from(artifact, Measured(recording, protocol, state), known)
    return _with_notes(found, options)


def _job(board: Board, jetson: Jetson, artifact: Artifact, protocol: Profile) -> dict[str, Any]:
    model = onnx_model(board, artifact, 1)
    if model is None:
        raise DeviceError(f"'{artifact.folder}' has no model.onnx, which TensorRT reads")
    manifest = artifact.manifest
    warm_up, repeats = protocol.warm_up, protocol.repeats
    timing = flags.Timing(
        warm_up_ms=round((warm_up.duration_min_s or 1.0) * 1000),
        iterations=repeats.inferences_min or 10,
        duration_s=max(1, round(repeats.duration_min_s or 1.0)),
    )
    return describe_job(
        jetson,
        Model(model.path, manifest.files[ONNX], manifest.precision),
        inferences=_push_golden(board, artifact),
        timing=timing,
        repeats=repeats.windows,
        layers=True,
    )


def _push_golden(board: Board, artifact: Artifact) -> list[dict[str, str]]:
    """Files of the golden inputs on the device, by input, of each sample."""
    feed = as_source(artifact, artifact.golden()[0])
    samples = [
        push_inputs(board, {name: array[n : n + 1] for name, array in feed.items()})
        for n in range(min(PROVED, len(next(iter(feed.values())))))
    ]
    return [{port.name: port.path for port in sample} for sample in samples]


def _run(
    board: Board, job: Mapping[str, Any], progress: Progress | None
) -> tuple[Recording, RunState, Result]:
    recording = Recording(board.where)
    journal: list[dict[str, Any]] = []

    def take(event: Event) -> None:
        recording.take(event)
        journal.append({**event.fields, "kind": event.kind})
        _show(event, progress)

    try:
        run, state = board.run(job, take)
    except DeviceError as error:
        raise explain_log(journal) or error from None
    result = read_result(job, journal)
    board.forget(run)
    return recording, state, result


def _show(event: Event, progress: Progress | None) -> None:
    labels = {"building": "build the engine", "infer": "prove", "time": "measure on the device"}
    label = labels.get(str(event.fields.get("state")))
    if progress is not None and event.kind == "state" and label is not None:
        progress(0, 0, label)


def _prove(where: str, artifact: Artifact, result: Result) -> None:
    """Golden outputs, sample by sample. Raises: CheckError naming output and distance."""
    expected = artifact.golden()[1]
    limit = CLOSE_ENOUGH.get(artifact.manifest.precision, CLOSE_ENOUGH_INTEGER)
    for number, outputs in enumerate(result.outputs):
        found = {tensor.name: np.array(tensor.values) for tensor in outputs}
        for port in artifact.manifest.outputs:
            wanted = _source_order(expected[port.name][number], port.layout)
            away = _distance(wanted, found.get(port.name))
            if not away <= limit:
                raise CheckError(
                    f"TensorRT on {where} computes something else than the model",
                    details=(
                        f"output '{port.name}' of golden sample {number} is {away:.2g} away "
                        f"(root mean square, relative; {limit:g} is allowed)",
                    ),
                    hints=("--precision float32 shows whether the precision is the reason",),
                )


def _source_order(values: Any, layout: Sequence[int]) -> Any:
    """An output as the model has it, flat.   layout: of the artifact's axes, as Port has it."""
    return np.transpose(values, inverse(tuple(layout))).reshape(-1)


def _distance(wanted: Any, found: Any) -> float:
    if found is None or found.shape != wanted.shape:
        return float("inf")
    return relative_rms(wanted, found, 0)


def _timing(result: Result, seen: Timing) -> Timing:
    """What trtexec wrote, as of any runtime.   seen: sensors that the agent read meanwhile."""
    seen.windows = {n: list(trace.latency_s) for n, trace in enumerate(result.times)}
    profile = result.layers
    seen.layers = [
        {"name": layer.name, "operator": _kind(layer.reformats), "ns": [layer.time_s * 1e9]}
        for layer in (profile.layers if profile else ())
    ]
    return seen


def _kind(reformats: bool) -> str:
    return "reformat" if reformats else "fused"


def _about(jetson: Jetson, job: Mapping[str, Any], result: Result) -> dict[str, Any]:
    about: dict[str, Any] = {
        "version": str(jetson.version),
        "compute_capability": jetson.compute_capability,
        "power_mode": jetson.power_mode,
        "engine": job["engine"],
        "build": list(job["build"]),
        "built": result.built,
        "compute_s": [float(np.median(trace.compute_s)) for trace in result.times],
        "enqueue_s": [float(np.median(trace.enqueue_s)) for trace in result.times],
    }
    if result.build_s is not None:
        about["build_s"] = result.build_s
    return about


def _with_notes(found: Profiled, options: DeviceOptions) -> Profiled:
    return replace(found, notes=(*found.notes, *([NOT_LOCKED] if options.lock_clocks else [])))
