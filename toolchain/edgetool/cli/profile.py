"""edgetool profile: what a compiled model costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.precisions import run_comparison
from edgetool.cli.printing import print_figures, table
from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import (
    ARTIFACT_ARGUMENT,
    BAUD_OPTION,
    COMPILER_OPTION,
    DEVICE_OPTION,
    EMULATOR_OPTION,
    JSON_OPTION,
    TIMEOUT_OPTION,
    device_at,
    print_json,
    save_result,
    say,
    verb,
)

if TYPE_CHECKING:
    from edgetool.artifact import Artifact
    from edgetool.figures import Figure
    from edgetool.profiling import Profiled
    from edgetool.profiling.layer_cost import LayerCost


@verb
def run(
    artifact: Path = ARTIFACT_ARGUMENT,
    compiler: str = COMPILER_OPTION,
    emulator: str = EMULATOR_OPTION,
    device: str = DEVICE_OPTION,
    repeats: int = typer.Option(
        None, min=1, metavar="N", help="Inferences that --device counts (default 100)."
    ),
    runtime: str = typer.Option(
        "auto",
        metavar="NAME",
        help="Of an enrolled --device: onnxruntime, litert, tensorrt, c; auto: the fastest.",
    ),
    threads: str = typer.Option(
        "1", metavar="N,…", help="Of an enrolled --device: threads, one measurement each."
    ),
    affinity: str = typer.Option(
        None, metavar="CPU,…", help="Of an enrolled --device: the CPUs to stay on."
    ),
    lock_clocks: bool = typer.Option(
        False, "--lock-clocks", help="Hold an enrolled --device's clocks; takes root there."
    ),
    protocol: str = typer.Option(
        "latency", metavar="NAME", help="Of an enrolled --device: a protocol's name or TOML file."
    ),
    detach: bool = typer.Option(
        False, "--detach", help="Only start the run on the enrolled --device."
    ),
    run_name: str = typer.Option(
        None, "--run", metavar="RUN", help="Take up a run that --detach started."
    ),
    compare_precisions: bool = typer.Option(
        False,
        "--compare-precisions",
        help="Time a model file in float32, float16 and int8 in turn on --device.",
    ),
    calibrate: str = typer.Option(
        None, metavar="DATA", help="Of --compare-precisions: as `edgetool compile` takes it."
    ),
    aims: bool = typer.Option(
        False, "--aims", help="Build and emulate for the other aims of --optimize too."
    ),
    baud: int = BAUD_OPTION,
    timeout: float = TIMEOUT_OPTION,
    json_output: bool = JSON_OPTION,
) -> None:
    """Say what an artifact costs to run.

    Instructions, stack and RAM are emulated, cycles and latency estimated from the core's timing
    table; on this machine's runtimes latency is measured. With --device a board on a serial port
    measures cycles, of each layer too, and stack; an enrolled device latency, with an interval and
    a verdict. Each figure says which.
    """
    from edgetool.artifact import Artifact
    from edgetool.profiling import profile_artifact
    from edgetool.profiling.device_options import DeviceOptions

    options = DeviceOptions(
        runtime=runtime,
        threads=parse_numbers("--threads", threads, 1),
        affinity=parse_numbers("--affinity", affinity, 0),
        lock_clocks=lock_clocks,
        protocol=protocol,
        detach=detach,
        run=run_name,
    )
    board = device_at(device, baud, timeout)
    if compare_precisions:
        run_comparison(artifact, board, calibrate, options, json_output)
        return
    opened = Artifact.open(artifact)
    with ProgressBar() as progress:
        profiled = profile_artifact(
            opened,
            compiler=compiler,
            emulator=emulator,
            device=board,
            repeats=repeats,
            options=options,
            aims=aims,
            progress=progress,
        )
    content = summary(profiled)
    content |= {"artifact": str(opened.folder), "artifact_sha256": opened.sha256}
    if not detach:
        save_result(opened, "profile.json", content)
    if json_output:
        print_json(content)
    else:
        _print(opened, profiled)


def summary(profiled: Profiled) -> dict[str, Any]:
    """What `profile --json` prints."""
    content: dict[str, Any] = {"schema_version": 1}
    content |= {name: figure.to_json() for name, figure in profiled.figures.items()}
    if profiled.runtimes:
        content["runtimes"] = {
            runtime: {name: figure.to_json() for name, figure in figures.items()}
            for runtime, figures in profiled.runtimes.items()
        }
    if profiled.sections:
        content["sections"] = {name: size.to_json() for name, size in profiled.sections.items()}
    if profiled.layers:
        content["layers"] = [layer.to_json() for layer in profiled.layers]
    if profiled.aims:
        content["aims"] = {
            aim: {name: figure.to_json() for name, figure in figures.items()}
            for aim, figures in profiled.aims.items()
        }
    if profiled.samples:
        content["samples"] = {name: raw.to_json() for name, raw in profiled.samples.items()}
    if profiled.verdict is not None:
        content["verdict"] = profiled.verdict.to_json()
        content["verdicts"] = {name: each.to_json() for name, each in profiled.verdicts.items()}
        content["intervals"] = {name: each.to_json() for name, each in profiled.intervals.items()}
    content["details"] = dict(profiled.details)
    content["notes"] = list(profiled.notes)
    return content


def _print(artifact: Artifact, profiled: Profiled) -> None:
    manifest = artifact.manifest
    target = manifest.target["name"]
    print(f"{artifact.folder.name}: {manifest.name} for {target}, {manifest.precision}")
    figures = dict(profiled.figures)
    on_device = profiled.verdict is not None
    for runtime, found in () if on_device else profiled.runtimes.items():
        figures |= {f"{runtime} {key}": figure for key, figure in found.items()}
    print_figures(figures)
    if on_device and len(profiled.runtimes) > 1:
        print()
        _print_ways(profiled)
    parts = [f"{name} {size.value:,}" for name, size in profiled.sections.items() if size.value]
    if parts:
        print(f"  bytes by section: {', '.join(parts)}")
    if profiled.layers:
        print()
        _print_layers(profiled.layers)
    if profiled.aims:
        print()
        _print_aims(profiled.aims, manifest.optimize)
    if profiled.verdict is not None:
        _print_verdict(profiled)
    for note in profiled.notes:
        say(f"note: {note}")


def parse_numbers(option: str, text: str | None, least: int) -> tuple[int, ...]:
    """ "1,2,4" as numbers, nothing as none. Raises: UsageError."""
    from edgetool.errors import UsageError

    if not text:
        return ()
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < least or len(set(found)) < len(found):
        raise UsageError(f"{option} {text} is not a list of numbers", hints=(f"{option} 1,2,4",))
    return found


def _print_verdict(profiled: Profiled) -> None:
    interval, verdict = profiled.intervals.get("latency_s"), profiled.verdict
    if interval is not None:
        print(
            f"  latency_s lies between {interval.low * 1e3:.4g} and {interval.high * 1e3:.4g} ms "
            f"({interval.confidence:.0%} confidence)"
        )
    if verdict is not None:
        print(
            f"  verdict: {verdict.kind}{': ' if verdict.reasons else ''}"
            f"{'; '.join(verdict.reasons)}"
        )


def _print_ways(profiled: Profiled) -> None:
    """Every way that a device ran the model, the fastest first."""
    ways = sorted(profiled.runtimes.items(), key=lambda item: item[1]["latency_s"].value)
    heads = {
        "latency_s": "latency",
        "latency_s_iqr": "iqr",
        "load_s": "load",
        "first_inference_s": "first",
        "peak_rss_bytes": "peak RSS",
    }
    rows = [
        [way, *(_cell(name, found.get(name)) for name in heads), profiled.verdicts[way].kind]
        for way, found in ways
    ]
    table(["measured", *heads.values(), "verdict"], rows)


def _print_aims(aims: Mapping[str, Mapping[str, Figure]], chosen: str) -> None:
    """What each aim takes, on one sample."""
    names = list(dict.fromkeys(name for figures in aims.values() for name in figures))
    heads = [name.removesuffix("_bytes") + (" ~" if name == "cycles" else "") for name in names]
    rows = [
        [f"{aim} (chosen)" if aim == chosen else aim, *(_cell(n, figures.get(n)) for n in names)]
        for aim, figures in aims.items()
    ]
    table(["--optimize", *heads], rows)


def _print_layers(layers: Sequence[LayerCost]) -> None:
    """What is known of each; how it was obtained is said above, where cycles are estimated here."""
    estimated = any(
        x.figures["cycles"].kind == "estimated" for x in layers if "cycles" in x.figures
    )
    heads = {
        "latency_s": "time",
        "latency_s_share": "share",
        "instructions": "instructions",
        "instructions_share": "share",
        "instructions_per_mac": "per MAC",
        "cycles": "cycles ~" if estimated else "cycles",
        "cycles_share": "share",
        "cycles_per_mac": "per MAC",
        "code_bytes": "code",
        "constant_bytes": "constants",
        "scratch_bytes": "scratch",
        "live_bytes": "arena in use",
    }
    shown = {name: head for name, head in heads.items() if any(name in x.figures for x in layers)}
    rows = [
        [layer.name, layer.operator, *(_cell(name, layer.figures.get(name)) for name in shown)]
        for layer in layers
    ]
    table(["layer", "operator", *shown.values()], rows)
    if "code_bytes" in shown:
        print("code: bytes of the functions that a layer runs; layers share them")


def _cell(name: str, figure: Figure | None) -> str:
    from edgetool.figures import format_figure

    if figure is None:
        return "–"
    if name.endswith("_share"):
        return f"{figure.value:.1%}"
    if figure.unit == "s":
        return format_figure(figure)
    return f"{figure.value:.2f}" if name.endswith("_per_mac") else f"{figure.value:,.0f}"
