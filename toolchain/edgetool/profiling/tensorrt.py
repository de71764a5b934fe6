"""Prove and time an artifact in a Jetson's own TensorRT, in one job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgetool.agent import Event, RunState
from edgetool.artifact import Artifact, Port
from edgetool.errors import UsageError
from edgetool.packs import Profile
from edgetool.profiling.device_figures import Measured, profiled_from
from edgetool.profiling.device_options import DeviceOptions
from edgetool.profiling.profile import Profiled
from edgetool.program.layouts import inverse
from edgetool.runtimes.board import Board, Recording, Timing
from edgetool.runtimes.board.model import as_source
from edgetool.runtimes.session import Progress, step
from edgetool.runtimes.tensorrt import flags
from edgetool.runtimes.tensorrt.jobs import Board as Jetson
from edgetool.runtimes.tensorrt.jobs import Result, describe_job
from edgetool.runtimes.tensorrt.look import find_tensorrt
from edgetool.runtimes.tensorrt.session import (
    computes_another,
    output_of,
    push_samples,
    run_trtexec,
    show_state,
)
from edgetool.verification.device import CLOSE_ENOUGH, CLOSE_ENOUGH_INTEGER, relative_rms
from edgetool.verification.tensorrt import model_there

RUNTIME = "tensorrt"  # as the device's side names it in the journal
PROVED = 4  # golden samples: each costs a start of CUDA, seconds on a Nano


def refuse_options(options: DeviceOptions) -> None:
    """What trtexec has no part in. Raises: UsageError."""
    given = {
        "--threads": options.threads != (1,),
        "--affinity": bool(options.affinity),
        "--detach": options.detach,
    }
    wrong = [name for name, is_given in given.items() if is_given]
    if wrong:
        raise UsageError(
            f"{' and '.join(wrong)} cannot be had with TensorRT",
            details=(
                "it computes on the GPU, and is proved and timed in one run that is followed",
            ),
            hints=(f"leave out {' and '.join(wrong)}", "--runtime onnxruntime, on the CPUs"),
        )


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
    refuse_options(options)
    with step(progress, "look for TensorRT"):
        jetson = find_tensorrt(board.client)
    job = _job(board, jetson, artifact, protocol)
    clocks = board.lock_clocks() if options.lock_clocks else {}
    recording, state, result = _run(board, job, progress)
    recording.clocks = clocks
    _prove(board.where, artifact, result)
    recording.models[RUNTIME] = _timing(result, recording.models.get(RUNTIME, Timing()))
    known = {**details, RUNTIME: _about(jetson, job, result)}
    return profiled_from(artifact, Measured(recording, protocol, state), known)


def _job(board: Board, jetson: Jetson, artifact: Artifact, protocol: Profile) -> dict[str, Any]:
    golden = {name: array[:PROVED] for name, array in artifact.golden()[0].items()}
    warm_up, repeats = protocol.warm_up, protocol.repeats
    timing = flags.Timing(
        warm_up_ms=round((warm_up.duration_min_s or 1.0) * 1000),
        iterations=repeats.inferences_min or 10,
        duration_s=max(1, round(repeats.duration_min_s or 1.0)),
    )
    return describe_job(
        jetson,
        model_there(board, artifact),
        inferences=push_samples(board, as_source(artifact, golden)),
        timing=timing,
        repeats=repeats.windows,
        layers=True,
    )


def _run(
    board: Board, job: Mapping[str, Any], progress: Progress | None
) -> tuple[Recording, RunState, Result]:
    recording = Recording(board.where)

    def take(event: Event) -> None:
        recording.take(event)
        show_state(event, progress)

    return recording, *run_trtexec(board, job, take)


def _prove(where: str, artifact: Artifact, result: Result) -> None:
    """Golden outputs, sample by sample. Raises: CheckError naming output and distance."""
    limit = CLOSE_ENOUGH.get(artifact.manifest.precision, CLOSE_ENOUGH_INTEGER)
    for port in artifact.manifest.outputs:
        expected = _as_source(artifact.golden()[1][port.name], port)
        for number, outputs in enumerate(result.outputs):
            away = relative_rms(expected[number], output_of(where, port, outputs), 0)
            if not away <= limit:
                raise computes_another(
                    where,
                    f"output '{port.name}' of golden sample {number} is {away:.2g} away "
                    f"(root mean square, relative; {limit:g} is allowed)",
                )


def _as_source(outputs: Any, port: Port) -> Any:
    """Outputs of the artifact as the source model has them."""
    array = outputs.transpose(0, *(axis + 1 for axis in inverse(port.layout)))
    if port.scale is not None and port.source_dtype == "float32":
        array = (array.astype(np.float32) - (port.zero_point or 0)) * np.float32(port.scale)
    return array.reshape(len(array), *port.source_shape)


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
