"""Figures, verdict and layers out of what a device has journaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetool.agent import RunState
from edgetool.artifact import Artifact
from edgetool.figures import Figure, Series
from edgetool.measure import (
    Conditions,
    is_settled,
    judge,
    median_interval,
    percentiles,
    relative_slope,
    slope,
)
from edgetool.packs import Profile
from edgetool.profiling.layer_cost import LayerCost, with_shares
from edgetool.profiling.profile import Profiled
from edgetool.runtimes.board import NATIVE, Recording, Timing

SAMPLES_KEPT = 100_000  # of each way to run the model, in the result's file


@dataclass(frozen=True)
class Measured:
    """A run that is over, and by which protocol it was made."""

    recording: Recording
    protocol: Profile
    state: RunState


def profiled_from(artifact: Artifact, measured: Measured, details: Mapping[str, Any]) -> Profiled:
    """The fastest way to run the model as the artifact's figures, the others beside it."""
    timings = {k: t for k, t in measured.recording.models.items() if t.windows}
    found = {name: timing_figures(name, timing) for name, timing in timings.items()}
    best = min(found, key=lambda name: found[name]["latency_s"].value)
    verdicts = {name: judge(conditions(measured, timing)) for name, timing in timings.items()}
    interval = median_interval(timings[best].medians(), measured.protocol.statistics.confidence)
    return Profiled(
        figures=dict(artifact.manifest.figures) | found[best],
        runtimes=found,
        details={**details, **run_details(measured, timings), "fastest": best},
        notes=tuple(notes(measured, timings, best)),
        layers=layers_of(timings, best),
        samples={
            ("latency_s" if name == best else f"latency_s: {name}"): series(name, timing)
            for name, timing in timings.items()
        },
        verdict=verdicts[best],
        verdicts=verdicts,
        intervals={} if interval is None else {"latency_s": interval},
    )


def timing_figures(name: str, timing: Timing) -> dict[str, Figure]:
    """What is known of one way to run the model; nothing where too few samples were taken."""
    samples, medians = timing.samples(), timing.medians()
    source = f"{name}; median of {len(medians)} windows, {len(samples)} samples"
    figures = {"latency_s": Figure(float(np.median(medians)), "s", "measured", source)}
    low, high = np.percentile(samples, [25, 75])
    figures["latency_s_iqr"] = Figure(float(high - low), "s", "measured", name)
    if timing.per_sample == 1:  # a sample of several inferences hides the slow ones
        for key, value in percentiles(samples).items():
            if key != "median":
                figures[f"latency_{key}_s"] = Figure(value, "s", "measured", name)
    for key in ("load_s", "first_inference_s"):
        if key in timing.loaded:
            figures[key] = Figure(float(timing.loaded[key]), "s", "measured", name)
    for key in ("rss_bytes", "peak_rss_bytes"):
        if key in timing.memory:
            source = (
                f"{name}: /proc/self/status{'' if is_native(name) else ', interpreter included'}"
            )
            figures[key] = Figure(int(timing.memory[key]), "B", "measured", source)
    if timing.overhead_s:
        overhead = float(np.median(timing.overhead_s)) / timing.per_sample
        figures["timer_overhead_s"] = Figure(overhead, "s", "measured", "the loop around nothing")
    return figures


def is_native(name: str) -> bool:
    """Whether a way to run the model is generated C, without an interpreter around it."""
    return name.partition(",")[0] == NATIVE


def series(name: str, timing: Timing) -> Series:
    """The raw samples, window after window."""
    values = timing.samples()[:SAMPLES_KEPT]
    each = "" if timing.per_sample == 1 else f", each the mean of {timing.per_sample} inferences"
    return Series(tuple(float(value) for value in values), "s", "measured", f"{name}{each}")


def conditions(measured: Measured, timing: Timing) -> Conditions:
    """What the device said around and during these windows, for the verdict."""
    before, after = measured.recording.before, measured.recording.after
    warm_up = measured.protocol.warm_up
    overhead = float(np.median(timing.overhead_s)) if timing.overhead_s else None
    middle = float(np.median(timing.medians())) * timing.per_sample
    return Conditions(
        boot_ids=_both(before, after, "boot_id"),
        throttled=_both(before, after, "throttled"),
        frequencies_hz=_frequencies(timing),
        temperature_drift_k_per_s=_temperature_drift(timing, warm_up.temperature_slope_max_k_per_s),
        latency_drift=_latency_drift(timing, warm_up.latency_slope_max),
        clock_jump_s=measured.state.clock_jump_s,
        other_load=_other_load(timing),
        overhead=overhead / middle if overhead is not None and middle else None,
        settled=timing.settled,
        complete=len(timing.windows) == measured.protocol.repeats.windows
        and measured.state.state == "done",
        outputs_hold=None,
    )


def _both(before: Mapping[str, Any], after: Mapping[str, Any], key: str) -> tuple[Any, Any] | None:
    return (before[key], after[key]) if key in before and key in after else None


def _frequencies(timing: Timing) -> dict[str, tuple[float, ...]]:
    """Of the fastest CPU that the model may run on: a governor slows down idle ones."""
    allowed = {f"cpu{index}" for index in timing.loaded.get("affinity", ())}
    readings = []
    for sensor in timing.sensors:
        known = dict(sensor.get("frequencies_hz", {}))
        readings += [max((float(hz) for cpu, hz in known.items() if cpu in allowed), default=0.0)]
    found = tuple(hz for hz in readings if hz)
    return {"the CPU": found} if found else {}


def _temperature_drift(timing: Timing, limit: float | None) -> float | None:
    hottest = [
        max(dict(s.get("temperatures_c", {})).values(), default=None) for s in timing.sensors
    ]
    if not hottest or any(value is None for value in hottest):
        return None
    found = slope(np.array(timing.times_s), np.array(hottest, np.float64))
    return None if found is None or is_settled(found, limit) else found.per_s


def _latency_drift(timing: Timing, limit: float | None) -> float | None:
    medians = timing.medians()
    if len(medians) != len(timing.times_s):
        return None
    found = relative_slope(np.array(timing.times_s), medians)
    return None if found is None or is_settled(found, limit) else found.per_s


def _other_load(timing: Timing) -> float | None:
    """CPUs that others kept busy in these windows."""
    busy = elapsed = 0.0
    for sensor in timing.sensors:
        before, after = sensor.get("before", {}), sensor.get("after", {})
        if "all_s" in before and "all_s" in after:
            own = after["own_s"] - before["own_s"]
            busy += max(0.0, after["all_s"] - before["all_s"] - own)
            elapsed += after["at_s"] - before["at_s"]
    return busy / elapsed if elapsed else None


def layers_of(timings: Mapping[str, Timing], best: str) -> tuple[LayerCost, ...]:
    """The layers of the fastest, or of the first of the same runtime."""
    runtime = best.partition(",")[0]
    names = [best, *(name for name in timings if name.startswith(runtime))]
    nodes = next((timings[name].layers for name in names if timings[name].layers), [])
    rows = [
        LayerCost(
            str(node["name"]),
            str(node["operator"]),
            tuple(int(dim) for dim in node.get("shape", ())),
            {
                "latency_s": Figure(
                    float(np.median(node["ns"])) * 1e-9, "s", "measured", f"{runtime}'s profile"
                )
            },
        )
        for node in nodes
        if node["ns"]
    ]
    return with_shares(rows, "latency_s")


def run_details(measured: Measured, timings: Mapping[str, Timing]) -> dict[str, Any]:
    """What the device was like, and how it was measured."""
    recording = measured.recording
    details: dict[str, Any] = {
        "protocol": measured.protocol.name,
        "before": dict(recording.before),
        "after": dict(recording.after),
        "windows": {n: [len(t.windows[w]) for w in sorted(t.windows)] for n, t in timings.items()},
        "per_sample": {name: timing.per_sample for name, timing in timings.items()},
        "loaded": {name: dict(timing.loaded) for name, timing in timings.items()},
        "warm_up_s": {name: timing.warm_up_s for name, timing in timings.items()},
    }
    if recording.clocks:
        details["clocks"] = dict(recording.clocks)
    return details


def notes(measured: Measured, timings: Mapping[str, Timing], best: str) -> list[str]:
    """What a reader of the figures must know."""
    found = [
        f"not measured: {name}: {timing.failed}"
        for name, timing in measured.recording.models.items()
        if timing.failed
    ]
    each = timings[best].per_sample
    if each > 1:
        found.append(
            f"inferences are short: each sample is the mean of {each}, so there are no percentiles"
        )
    clocks = measured.recording.clocks
    if clocks and not clocks.get("locked"):
        found.append(f"clocks were not locked: {clocks.get('why')}")
    if not timings[best].layers and best.startswith("litert"):
        found.append("no figures by layer: LiteRT's Python interface has no profile of operators")
    if not timings[best].layers and is_native(best):
        found.append("no figures by layer: generated C is timed as a whole")
    return found
