"""edgetool profile --compare-precisions: is int8 faster here?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetool.cli.printing import table
from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import print_json, say

if TYPE_CHECKING:
    from edgetool.profiling.device_options import DeviceOptions
    from edgetool.profiling.precisions import PrecisionComparison


def run_comparison(
    model: Path, device: Any, calibrate: str | None, options: DeviceOptions, as_json: bool
) -> None:
    """Compare and print. device: what --device names. Raises: UsageError without a Linux one."""
    from edgetool.devices import Device
    from edgetool.errors import UsageError
    from edgetool.profiling.precisions import compare_precisions

    if not isinstance(device, Device):
        raise UsageError(
            "--compare-precisions takes an enrolled device to measure on",
            hints=("--device NAME: see `edgetool devices`",),
        )
    if not model.is_file():
        raise UsageError(
            f"--compare-precisions compiles a model file, and '{model}' is none",
            hints=("the float .onnx or .tflite that artifacts are made of",),
        )
    with ProgressBar() as progress:
        comparison = compare_precisions(model, device, calibrate, options, progress)
    if as_json:
        print_json(summary(model, comparison))
    else:
        _print(comparison)


def summary(model: Path, comparison: PrecisionComparison) -> dict[str, Any]:
    """What --compare-precisions --json prints."""
    return {
        "schema_version": 1,
        "model": str(model),
        "precisions": {
            name: {
                "way": found.way,
                "verdict": found.verdict.to_json(),
                **{key: figure.to_json() for key, figure in found.figures.items()},
            }
            for name, found in comparison.precisions.items()
        },
        "ratios": {name: ratio.to_json() for name, ratio in comparison.ratios.items()},
        "answer": comparison.answer,
        "left_out": dict(comparison.left_out),
        "details": dict(comparison.details),
    }


def _print(comparison: PrecisionComparison) -> None:
    from edgetool.figures import format_figure

    rows = []
    for name, found in comparison.precisions.items():
        ratio = comparison.ratios.get(name)
        converting = found.figures.get("conversion_s")
        rows.append(
            [
                name,
                found.way,
                format_figure(found.figures["latency_s"]),
                "1" if ratio is None else f"{ratio.value:.3g}",
                "–" if converting is None else format_figure(converting),
                found.verdict.kind,
            ]
        )
    table(["precision", "fastest way", "latency", "of float32", "conversions", "verdict"], rows)
    print(comparison.answer)
    for name, found in comparison.precisions.items():
        for reason in found.verdict.reasons:
            say(f"note: {name}: {reason}")
    for name, why in comparison.left_out.items():
        say(f"not measured: {name}: {why}")
