"""Measure an artifact's latency on this machine, runtime by runtime."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.artifact import ONNX, TFLITE, Artifact
from edgetool.figures import Figure
from edgetool.packs import Profile, find_profile
from edgetool.profiling.profile import Profiled
from edgetool.program.layouts import inverse
from edgetool.runtimes import litert
from edgetool.runtimes.litert import LiteRtSession
from edgetool.runtimes.onnxruntime import OnnxRuntimeSession
from edgetool.runtimes.session import Progress, Session

Array = npt.NDArray[Any]
Feed = Mapping[str, Array]

WINDOWS = 10


def profile_on_host(artifact: Artifact, progress: Progress | None) -> Profiled:
    """Latency in each runtime that the artifact has files for and this machine has.

    The target's own latency is only known when the target is this machine: else the figures are
    named host_latency_s and say nothing about the board.
    """
    protocol = find_profile("latency")
    target = artifact.manifest.target["name"]
    name = "latency_s" if target == "host" else "host_latency_s"
    found: dict[str, dict[str, Figure]] = {}
    for runtime, (session, feed) in sessions(artifact).items():
        samples = measure(lambda s=session, f=feed: s.run(f), protocol, progress, runtime)  # type: ignore[misc]
        found[runtime] = {name: Figure(float(np.median(samples)), "s", "measured", runtime)}
        low, high = np.percentile(samples, [25, 75])
        found[runtime][f"{name}_iqr"] = Figure(float(high - low), "s", "measured", runtime)
    figures = dict(artifact.manifest.figures)
    best = min(found.values(), key=lambda each: each[name].value, default=None)
    if best is not None:
        figures[name] = best[name]
    return Profiled(figures, found, {"host": host_description()}, _notes(artifact, target))


def sessions(artifact: Artifact) -> dict[str, tuple[Session, Feed]]:
    """The runtimes here with one golden sample each, optimised as users run them."""
    golden, _ = artifact.golden()
    one = {name: array[:1] for name, array in golden.items()}
    found: dict[str, tuple[Session, Feed]] = {}
    onnx = artifact.path(ONNX)
    if onnx is not None:
        found["onnxruntime"] = (OnnxRuntimeSession(onnx, optimised=True), as_source(artifact, one))
    tflite = artifact.path(TFLITE)
    if tflite is not None and litert.is_available():
        found["litert"] = (LiteRtSession(tflite, reference=False), one)
    return found


def as_source(artifact: Artifact, samples: Feed) -> Feed:
    """Artifact inputs in the source model's layout and type."""
    feed = {}
    for port in artifact.manifest.inputs:
        array = samples[port.name].transpose(0, *(axis + 1 for axis in inverse(port.layout)))
        if port.scale is not None and port.source_dtype == "float32":
            array = (array.astype(np.float32) - (port.zero_point or 0)) * np.float32(port.scale)
        feed[port.name] = array.astype(port.source_dtype)
    return feed


def measure(
    infer: Callable[[], object], protocol: Profile, progress: Progress | None, label: str
) -> Array:
    """Median latency of each window in seconds, after warm-up."""
    for _ in range(protocol.warm_up.runs_min):
        infer()
    estimate = timed(infer, 1)
    budget = protocol.repeats.duration_min_s / protocol.repeats.windows
    count = max(protocol.repeats.inferences_min, int(budget / max(estimate, 1e-9)))
    windows = []
    for index in range(protocol.repeats.windows):
        windows.append(np.median([timed(infer, 1) for _ in range(min(count, 10_000))]))
        if progress is not None:
            progress(index + 1, protocol.repeats.windows, label)
    return np.array(windows)


def timed(infer: Callable[[], object], count: int) -> float:
    """Seconds for count inferences on the monotonic clock."""
    start = time.perf_counter_ns()
    for _ in range(count):
        infer()
    return (time.perf_counter_ns() - start) * 1e-9


def host_description() -> dict[str, Any]:
    """What the latencies were measured on."""
    return {"machine": platform.machine(), "processor": _processor(), "system": platform.system()}


def int8_saturates_here() -> bool:
    """Whether ONNX Runtime's int8 kernels on this CPU saturate at 16 bits (x86 without VNNI)."""
    flags = _cpuinfo("flags").split()
    return platform.machine() == "x86_64" and not any("vnni" in flag for flag in flags)


def _notes(artifact: Artifact, target: str) -> tuple[str, ...]:
    notes = []
    if target != "host":
        notes.append(f"latencies are of this machine, not of '{target}'")
    if artifact.manifest.precision == "int8" and int8_saturates_here():
        notes.append(
            "this CPU has no VNNI: ONNX Runtime's optimised int8 kernels saturate and compute "
            "something else than the model; scores come from the reference executor"
        )
    return tuple(notes)


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or "unknown"


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(key))
    return next(found, "")
