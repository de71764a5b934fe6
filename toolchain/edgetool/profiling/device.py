"""Measure an artifact on a Linux device: latency by runtime and number of threads, in one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgetool.agent import Event, RunState
from edgetool.artifact import Artifact
from edgetool.devices import Device
from edgetool.errors import CheckError, DeviceError
from edgetool.packs import Profile, find_profile
from edgetool.profiling.device_figures import Measured, profiled_from
from edgetool.profiling.device_options import DeviceOptions
from edgetool.profiling.profile import Profiled
from edgetool.profiling.tensorrt import profile_with_tensorrt
from edgetool.runtimes.board import (
    NATIVE,
    Board,
    BoardModel,
    Provided,
    Recording,
    onnx_model,
    tflite_model,
)
from edgetool.runtimes.session import Progress, step
from edgetool.verification.device import prove_as_timed, provided_for, session_with
from edgetool.verification.native import native_on_device
from edgetool.verification.tensorrt import wants_tensorrt

MODELS = {"onnxruntime": onnx_model, "litert": tflite_model}


def profile_on_device(
    artifact: Artifact, device: Device, options: DeviceOptions, progress: Progress | None
) -> Profiled:
    """Deployed or not, the artifact is measured there; nothing but a deployment stays.

    Raises: LinkError and its kind; DeviceError when no runtime is there or the run failed;
    CheckError when no runtime computes what the artifact should.
    """
    protocol = find_profile(options.protocol)
    with session_with(device) as board:
        if options.run is not None:
            recording = Recording(board.where)
            state = board.follow(options.run, recording.take)
            return _profiled(artifact, device, protocol, recording, state, options)
        if wants_tensorrt(artifact, options.runtime):
            details = {"device": device.name, "target": device.target}
            return profile_with_tensorrt(board, artifact, options, protocol, details, progress)
        models, wrong, provided = prepare(board, artifact, options, progress)
        job = time_job(models, protocol)
        clocks = board.lock_clocks() if options.lock_clocks else {}
        if options.detach:
            return _detached(device, board.start(job))
        recording, state = run_job(board, job, protocol, progress)
        recording.clocks = clocks
        found = _profiled(artifact, device, protocol, recording, state, options)
    left_out = {**provided.lacking, **wrong}
    lacking = [f"not measured: {name}: {why}" for name, why in left_out.items()]
    return replace(found, notes=(*found.notes, *lacking))


def prepare(
    board: Board, artifact: Artifact, options: DeviceOptions, progress: Progress | None
) -> tuple[list[BoardModel], dict[str, str], Provided]:
    """(models to time, why others are wrong, what was provided).

    Raises: CheckError when every runtime's outputs are wrong.
    """
    with step(progress, "look for runtimes"):
        provided = provided_for(board, artifact, options.runtime)
    models, wrong = [], {}
    for runtime in provided.python:
        problem = prove_as_timed(board, artifact, runtime, provided, progress)
        if problem is not None:
            wrong[runtime] = problem
            continue
        model = model_for(board, artifact, runtime, provided)
        if model is not None:
            models += variants(model, options)
    if not models:
        raise CheckError(
            f"{board.where} computes something else than the model",
            details=[f"{name}: {why}" for name, why in wrong.items()],
            hints=(f"edgetool verify {artifact.folder} --device … names the layer",),
        )
    return models, wrong, provided


def model_for(
    board: Board, artifact: Artifact, runtime: str, provided: Provided
) -> BoardModel | None:
    """The artifact on the device, with one sample, as this runtime takes it; None: it has none."""
    if runtime == NATIVE:
        return native_on_device(board, artifact, provided)
    model = MODELS[runtime](board, artifact, 1)
    return None if model is None else replace(model, python=provided.python[runtime])


def variants(model: BoardModel, options: DeviceOptions) -> list[BoardModel]:
    """The model with each number of threads; the layers of the first are timed.

    Generated C has one thread, whatever was asked for.
    """
    return [
        replace(
            model,
            name=f"{model.runtime}, {threads} thread{'s' * (threads > 1)}",
            threads=threads,
            affinity=options.affinity,
            layers=index == 0,
            optional=options.runtime == "auto",
        )
        for index, threads in enumerate((1,) if model.runtime == NATIVE else options.threads)
    ]


def time_job(models: Sequence[BoardModel], protocol: Profile) -> dict[str, Any]:
    """A job of kind "time" by a measurement protocol."""
    warm_up, repeats = protocol.warm_up, protocol.repeats
    return {
        "kind": "time",
        "models": [model.to_json() for model in models],
        "protocol": {
            "runs_min": warm_up.runs_min,
            "duration_min_s": warm_up.duration_min_s,
            "duration_max_s": warm_up.duration_max_s,
            "latency_slope_max": warm_up.latency_slope_max,
            "temperature_slope_max_k_per_s": warm_up.temperature_slope_max_k_per_s,
            "windows": repeats.windows,
            "inferences_min": repeats.inferences_min,
            "window_s": repeats.duration_min_s,
            "order": repeats.order,
        },
    }


def run_job(
    board: Board, job: Mapping[str, Any], protocol: Profile, progress: Progress | None
) -> tuple[Recording, RunState]:
    """Run to its end; what was journaled and how it ended. The run is forgotten then."""
    recording = Recording(board.where)
    windows = protocol.repeats.windows * len(job["models"])

    def take(event: Event) -> None:
        recording.take(event)
        if progress is not None and event.kind == "sensor" and "window" in event.fields:
            done = sum(len(timing.sensors) for timing in recording.models.values())
            progress(min(done, windows), windows, "measure on the device")

    run, state = board.run(job, take)
    board.forget(run)
    return recording, state


def _profiled(
    artifact: Artifact,
    device: Device,
    protocol: Profile,
    recording: Recording,
    state: RunState,
    options: DeviceOptions,
) -> Profiled:
    if not any(timing.windows for timing in recording.models.values()):
        why = state.error or "; ".join(
            timing.failed for timing in recording.models.values() if timing.failed
        )
        raise DeviceError(f"nothing was measured on '{device.name}': {why or state.state}")
    details = {"device": device.name, "target": device.target, "run": state.run}
    if options.affinity:
        details["affinity"] = list(options.affinity)  # type: ignore[assignment]
    return profiled_from(artifact, Measured(recording, protocol, state), details)


def _detached(device: Device, run: str) -> Profiled:
    return Profiled(
        {},
        details={"device": device.name, "run": run, "detached": True},
        notes=(f"the run goes on: edgetool profile … --device {device.name} --run {run}",),
    )
