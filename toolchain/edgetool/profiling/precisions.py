"""Is int8 faster here? One model in several precisions, timed in turn on one device."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgetool.artifact import Artifact
from edgetool.compilation import CompileRequest, compile_model
from edgetool.devices import Device
from edgetool.errors import CheckError, DataError, DeviceError, ModelError, UsageError
from edgetool.figures import Figure
from edgetool.measure import Ratio, Verdict, judge, paired_ratio
from edgetool.packs import find_profile, find_target
from edgetool.profiling.device import prepare, run_job, time_job
from edgetool.profiling.device_figures import Measured, conditions, timing_figures
from edgetool.profiling.device_options import DeviceOptions
from edgetool.runtimes.board import Board, BoardModel, Timing
from edgetool.runtimes.session import Progress
from edgetool.verification.device import session_with

PRECISIONS = ("float32", "float16", "int8")
BASE = "float32"
# Operators that compute nothing of the model: they turn one form of numbers into another.
CONVERSIONS = frozenset(
    ("QuantizeLinear", "DequantizeLinear", "ReorderInput", "ReorderOutput", "Cast", "Transpose")
)


@dataclass(frozen=True)
class MeasuredPrecision:
    """The fastest way to run one precision.   way: runtime and threads, as figures name it."""

    way: str
    figures: Mapping[str, Figure]
    verdict: Verdict


@dataclass(frozen=True)
class PrecisionComparison:
    """precisions: by name.   ratios: time over that of float32.   answer: for people.

    left_out: by precision or way, why it is not in.   details: the run and the device.
    """

    precisions: Mapping[str, MeasuredPrecision]
    ratios: Mapping[str, Ratio]
    answer: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


def compare_precisions(
    model: Path,
    device: Device,
    calibrate: str | None,
    options: DeviceOptions,
    progress: Progress | None,
) -> PrecisionComparison:
    """Compile for the device's target in every precision it has, and time them in one run.

    In ABBA order a drift of the device hits all alike; ratios are of windows side by side.
    Raises: UsageError where fewer than two can be compared; ModelError and its kind; DeviceError.
    """
    target = find_target(device.target)
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="edgetool-precisions-") as folder:
        artifacts: dict[str, Artifact] = {}
        for precision in (name for name in PRECISIONS if name in target.precisions):
            request = CompileRequest(
                model,
                device.target,
                precision=precision,
                calibrate=calibrate,
                output=Path(folder) / precision,
            )
            try:
                artifacts[precision] = compile_model(request, progress)
            except (DataError, ModelError) as error:
                left_out[precision] = "; ".join((error.message, *error.hints[:1]))
        if len(artifacts) < 2:
            raise UsageError(
                f"nothing to compare on '{device.target}': {', '.join(artifacts) or 'none'} alone",
                details=[f"{name}: {why}" for name, why in left_out.items()],
            )
        with session_with(device) as board:
            return _measured(board, device, artifacts, left_out, options, progress)


def _measured(
    board: Board,
    device: Device,
    artifacts: Mapping[str, Artifact],
    left_out: dict[str, str],
    options: DeviceOptions,
    progress: Progress | None,
) -> PrecisionComparison:
    protocol = find_profile(options.protocol)
    if protocol.repeats.order == "blocked":
        raise UsageError(
            f"protocol '{protocol.name}' measures one after the other: precisions take turns",
            hints=('order = "abba" in its [repeats]',),
        )
    models = _models(board, artifacts, left_out, options, progress)
    clocks = board.lock_clocks() if options.lock_clocks else {}
    recording, state = run_job(board, time_job(models, protocol), protocol, progress)
    measured = Measured(recording, protocol, state)
    timings = {name: timing for name, timing in recording.models.items() if timing.windows}
    fastest = _fastest(artifacts, timings, left_out)
    if not fastest:
        raise DeviceError(f"nothing was measured on '{device.name}'")
    ratios = _ratios({name: timings[way] for name, way in fastest.items()})
    return PrecisionComparison(
        {
            precision: MeasuredPrecision(
                way.partition(": ")[2],
                timing_figures(way, timings[way]) | conversions(timings[way]),
                judge(conditions(measured, timings[way])),
            )
            for precision, way in fastest.items()
        },
        ratios,
        answer(ratios, device.name),
        left_out,
        {"device": device.name, "target": device.target, "run": state.run, "clocks": clocks},
    )


def _models(
    board: Board,
    artifacts: Mapping[str, Artifact],
    left_out: dict[str, str],
    options: DeviceOptions,
    progress: Progress | None,
) -> list[BoardModel]:
    found: list[BoardModel] = []
    for precision, artifact in artifacts.items():
        try:
            models, wrong, _ = prepare(board, artifact, options, progress)
        except CheckError as error:
            left_out[precision] = "; ".join(error.details)
            continue
        left_out.update({f"{precision}: {name}": why for name, why in wrong.items()})
        found += [
            replace(model, name=f"{precision}: {model.name}", optional=True) for model in models
        ]
    return found


def _fastest(
    precisions: Sequence[str] | Mapping[str, Any],
    timings: Mapping[str, Timing],
    left_out: dict[str, str],
) -> dict[str, str]:
    """The name of each precision's fastest way."""
    import numpy as np

    found = {}
    for precision in precisions:
        ways = [name for name in timings if name.startswith(f"{precision}: ")]
        if ways:
            found[precision] = min(ways, key=lambda name: float(np.median(timings[name].medians())))
        else:
            left_out.setdefault(precision, "no runtime of the device runs it")
    return found


def _ratios(timings: Mapping[str, Timing]) -> dict[str, Ratio]:
    """Of every other precision to float32, where both have the same windows."""
    base = timings.get(BASE)
    return {
        name: paired_ratio(timing.medians(), base.medians())
        for name, timing in timings.items()
        if base is not None and name != BASE and len(timing.windows) == len(base.windows)
    }


def conversions(timing: Timing) -> dict[str, Figure]:
    """Time of layers that only convert numbers, where layers were timed."""
    import numpy as np

    if not timing.layers:
        return {}
    nanoseconds = sum(
        float(np.median(layer["ns"]))
        for layer in timing.layers
        if layer["operator"] in CONVERSIONS and layer["ns"]
    )
    return {"conversion_s": Figure(nanoseconds * 1e-9, "s", "measured", "layers that only convert")}


def answer(ratios: Mapping[str, Ratio], device: str) -> str:
    """ "int8 is 1.8 times as fast as float32 on 'pi5' …", a sentence for each precision."""
    sentences = []
    for name, ratio in ratios.items():
        interval = ratio.interval
        between = f" (its time is {ratio.value:.3g} of float32's"
        if interval is not None:
            between += f", {interval.low:.3g} to {interval.high:.3g}"
        between += ")"
        if not ratio.is_decided:
            sentences.append(f"{name} is neither faster nor slower than {BASE} here{between}")
        elif ratio.value < 1:
            sentences.append(f"{name} is {1 / ratio.value:.3g} times as fast as {BASE}{between}")
        else:
            sentences.append(f"{name} is slower than {BASE}{between}")
    return f"on '{device}': " + "; ".join(sentences) if sentences else f"no {BASE} to compare with"
