"""edgetool compile: model file to artifact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.printing import print_figures, table
from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import JSON_OPTION, print_json, say, verb

if TYPE_CHECKING:
    from edgetool.artifact import Artifact, Manifest
    from edgetool.compilation.recovery import Recovery

EXAMPLE = """\b
Examples:
  edgetool compile kws.onnx --target nucleo-l4r5zi --calibrate train.npz --evaluate test.npz
  edgetool compile kws.onnx --target jetson-nano
  edgetool compile net.onnx --target ./my-board --shape image=1,3,96,96 --precision float32
"""
SHAPE_OPTION = typer.Option(
    [], metavar="NAME=DIMS", help="Fixes a dynamic input: image=1,3,224,224. May be repeated."
)


@verb
def run(
    model: Path = typer.Argument(..., metavar="MODEL", help="An .onnx or .tflite file."),
    target: str = typer.Option(
        ...,
        metavar="TARGET",
        help="A board or core (see `edgetool targets`), or a folder with a target.toml.",
    ),
    precision: str = typer.Option(
        None,
        metavar="NAME",
        help="float32, float16, bfloat16, int8, int16x8, w4a8, w4 (weights alone), w4a4"
        " (simulated); default: the model's own, else the target's.",
    ),
    calibrate: str = typer.Option(
        None,
        metavar="DATA",
        help="Samples that set int8 ranges: .npz, folder, or module:function; x.npz[:200] slices.",
    ),
    evaluate: str = typer.Option(
        None, metavar="DATA", help="Labelled samples to score the result with."
    ),
    metric: str = typer.Option(
        None,
        metavar="NAME",
        help="top1, auc, mse or module:function, over --evaluate; default: what its labels suit.",
    ),
    ranges: str = typer.Option(
        None,
        metavar="NAME",
        help="How activation ranges are chosen: minmax, percentile, mse, lp, entropy; auto: by"
        " samples held back.",
    ),
    effort: str = typer.Option(
        "fast",
        metavar="NAME",
        help="fast: one pass over the samples; normal: recovers what rounding loses, in seconds;"
        " max: with ranges chosen by samples held back.",
    ),
    recovery: str = typer.Option(
        None,
        metavar="STEPS",
        help="Which steps recover it, in place of the effort's: equalize,bias,rounding, or none.",
    ),
    optimize: str = typer.Option(
        "balanced",
        metavar="AIM",
        help="What C kernels aim at: balanced, speed (may spend flash), or size (least flash).",
    ),
    fit: str = typer.Option(
        None,
        metavar="RESOURCE",
        help="ram, or ram=40K for a budget: the first layers run in strips of rows, bit for bit.",
    ),
    budget: list[str] = typer.Option(
        [],
        metavar="LIMIT",
        help="flash=200K, ram=40K, latency=20ms (estimated), sqnr=25dB or accuracy=0.5 (points):"
        " layers get 4-bit weights, or run in strips, to meet it.",
    ),
    report: bool = typer.Option(
        False, "--report", help="Measure what quantization costs in each layer: `edgetool report`."
    ),
    shape: list[str] = SHAPE_OPTION,
    io: str = typer.Option(
        None,
        metavar="TYPE",
        help="int8, int16 or float32 inputs and outputs; default: integers on microcontrollers.",
    ),
    compiler: str = typer.Option(
        "clang",
        metavar="NAME",
        help="For microcontrollers: clang (zig from pip), gcc, or none (sources only).",
    ),
    name: str = typer.Option(
        None, metavar="NAME", help="What the model is called in C; default: as the file."
    ),
    output: Path = typer.Option(
        None,
        metavar="FOLDER",
        help="Where the artifact goes; default build/<model>-<target>[-<precision>].",
    ),
    force: bool = typer.Option(False, "--force", help="Replace an artifact that is there."),
    json_output: bool = JSON_OPTION,
) -> None:
    """Compile a model for a target.

    Folds what is constant, quantizes, lowers, writes C, TFLite and ONNX with golden inputs, and
    refuses early what the target cannot run or hold.
    """
    from edgetool.compilation import CompileRequest, compile_model

    request = CompileRequest(
        model=model,
        target=target,
        precision=precision,
        calibrate=calibrate,
        evaluate=evaluate,
        metric=metric,
        io=io,
        compiler=compiler,
        ranges=ranges,
        effort=effort,
        recovery=recovery,
        optimize=optimize,
        fit=fit,
        budget=tuple(budget),
        report=report,
        name=name,
        output=output,
        force=force,
        shapes=parse_shapes(shape),
    )
    recovered: list[Recovery] = []
    with ProgressBar() as progress:
        artifact = compile_model(request, progress, recovered.append)
    if json_output:
        print_json(summary(artifact, *recovered))
    else:
        _print(artifact, *recovered)


def summary(artifact: Artifact, recovery: Recovery | None = None) -> dict[str, Any]:
    """What `compile --json` prints.   recovery: with the times that no artifact holds."""
    manifest = artifact.manifest
    content: dict[str, Any] = {
        "schema_version": 1,
        "artifact": str(artifact.folder),
        "sha256": artifact.sha256,
        "target": manifest.target["name"],
        "precision": manifest.precision,
        "io": manifest.io,
    }
    content |= {name: figure.to_json() for name, figure in manifest.figures.items()}
    content["passes"] = [dict(report) for report in manifest.passes]
    content["metric"] = {name: figure.to_json() for name, figure in manifest.metric.items()}
    if manifest.aims:
        content["aims"] = {
            aim: {name: figure.to_json() for name, figure in figures.items()}
            for aim, figures in manifest.aims.items()
        }
    if manifest.budget:
        content["budget"] = dict(manifest.budget)
    if recovery is not None:
        content["recovery"] = recovery.to_json(with_seconds=True)
    content["notes"] = list(manifest.notes)
    return content


def _print(artifact: Artifact, recovery: Recovery | None = None) -> None:
    manifest = artifact.manifest
    for report in manifest.passes:
        for note in report.get("notes", ()):
            say(f"  {report['name']}: {note}")
    for note in manifest.notes:
        say(f"note: {note}")
    source = Path(manifest.source["path"]).name
    print(f"{source} for {manifest.target['name']}, {manifest.precision}, {manifest.io} in and out")
    print_figures({**manifest.figures, **manifest.metric})
    if recovery is not None:
        _print_recovery(recovery)
    if manifest.budget:
        _print_budget(manifest)
    if manifest.aims:
        _print_aims(manifest)
    print(f"wrote {artifact.folder}")


def _print_recovery(recovery: Recovery) -> None:
    """Each step over those above it."""
    print(f"\nrecovery, over {recovery.samples} {recovery.data} samples (times measured)")
    rows = [["none", "", _decibels(recovery.sqnr_db), ""]]
    for each in recovery.steps:
        gain = "–" if each.gain_db is None else f"{each.gain_db:+.1f} dB"
        rows.append([each.name, gain, _decibels(each.sqnr_db), f"{each.seconds:.2f} s"])
    table(["with step", "gain", "SQNR", "took"], rows)


def _decibels(value: float | None) -> str:
    return "as float" if value is None else f"{value:.1f} dB"


def _print_budget(manifest: Manifest) -> None:
    """The networks that no other beats in size and SQNR."""
    print(f"\n--budget {manifest.budget['asked']} ({manifest.budget['judge']})")
    points = manifest.budget["pareto"]
    shown = {"constant_bytes": "constants, not linked", "flash_bytes": "flash", "sqnr_db": "SQNR"}
    shown |= {"accuracy": "accuracy", "ram_bytes": "arena", "latency_s": "latency, estimated"}
    names = [name for name in shown if any(name in point for point in points)]
    rows = [
        [
            f"{len(point['int4_layers'])}{' (chosen)' if point['chosen'] else ''}",
            *(_cell(point, name) for name in names),
        ]
        for point in points
    ]
    table(["layers of 4 bits", *(shown[name] for name in names)], rows)


def _cell(point: Mapping[str, Any], name: str) -> str:
    from edgetool.figures import Figure, format_figure

    return format_figure(Figure.from_json(point[name])) if name in point else "–"


def _print_aims(manifest: Manifest) -> None:
    """What the other aims would take; their instructions are for profile to count."""
    print()
    rows = [
        [
            f"{aim} (chosen)" if aim == manifest.optimize else aim,
            *(f"{figures[name].value:,} B" for name in ("constant_bytes", "arena_bytes")),
        ]
        for aim, figures in manifest.aims.items()
    ]
    table(["--optimize", "constants, not linked", "arena"], rows)
    print("`edgetool profile --aims` builds each and counts its instructions, cycles and flash")
    print()


def parse_shapes(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """--shape name=1,3,224,224 as {name: (1, 3, 224, 224)}. Raises: UsageError."""
    from edgetool.errors import UsageError

    shapes = {}
    for text in texts:
        name, _, dims = text.rpartition("=")
        try:
            shapes[name] = tuple(int(dim) for dim in dims.split(","))
        except ValueError:
            shapes[name] = ()
        if not name or not shapes[name] or min(shapes[name]) < 1:
            raise UsageError(
                f"--shape '{text}' is not name=dim,dim,…", hints=("--shape input=1,3,224,224",)
            )
    return shapes
