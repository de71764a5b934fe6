"""edgetool report: where did quantization lose it, and what to try?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.printing import print_wrapped, table
from edgetool.cli.terminal import ARTIFACT_ARGUMENT, JSON_OPTION, print_json, verb

if TYPE_CHECKING:
    from edgetool.artifact import Artifact

EXAMPLE = """\b
Examples:
  edgetool compile kws.onnx --target cortex-m4 --calibrate train.npz --report
  edgetool report build/kws-cortex-m4 --html kws.html
"""
SHOWN_LAYERS = 12
LONGEST_NAME = 28
COLUMNS = (
    ("model", "model_sqnr_db"),
    ("alone", "own_sqnr_db"),
    ("weights", "weights_sqnr_db"),
    ("rounding", "rounding_sqnr_db"),
    ("in network", "running_sqnr_db"),
    ("saturated", "saturated"),
    ("channels", "channel_use"),
)
LEGEND = """\
SQNR in dB. model: of the model's outputs when this layer alone is rounded, costliest first.
alone: of its own output, from float inputs; of this, its weights and its output's rounding.
in network: of its output in the quantized network. channels: share of its range that they use."""


@verb
def run(
    artifact: Path = ARTIFACT_ARGUMENT,
    html: Path = typer.Option(
        None, "--html", metavar="FILE", help="Write the report as one page with plots."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a page that is there."),
    all_layers: bool = typer.Option(False, "--all", help="Every layer, not the costliest only."),
    json_output: bool = JSON_OPTION,
) -> None:
    """Show what quantization costs layer by layer, and what would help.

    For artifacts compiled with --report, which measures it against the float model.
    """
    from edgetool.artifact import Artifact

    opened = Artifact.open(artifact)
    report = opened.quantization()
    if html is not None:
        _write_page(html, opened, report, force)
    if json_output:
        print_json(report)
    else:
        _print(report, opened, None if all_layers else SHOWN_LAYERS)
        if html is not None:
            print(f"wrote {html}")


def _write_page(path: Path, artifact: Artifact, report: Mapping[str, Any], force: bool) -> None:
    from edgetool.artifact import write_file
    from edgetool.reports.quantization_page import render_page

    manifest = artifact.manifest
    page = render_page(
        report,
        manifest.source["path"],
        manifest.target["name"],
        manifest.precision,
        manifest.recovery,
    )
    write_file(path, page.encode(), force)


def _print(report: Mapping[str, Any], artifact: Artifact, most: int | None) -> None:
    from edgetool.reports.quantization_page import NOTHING_HELPS, advice_text, format_value

    manifest, layers = artifact.manifest, report["layers"]
    print(f"{manifest.source['path']} for {manifest.target['name']}, {manifest.precision}")
    whole = format_value(report, "sqnr_db")
    print(
        f"  {whole} dB SQNR at the model's outputs, {report['samples']} {report['data']} samples\n"
    )
    rows = [
        [_short(layer["name"]), *(format_value(layer, key) for _, key in COLUMNS)]
        for layer in layers[:most]
    ]
    table(["layer", *(title for title, _ in COLUMNS)], rows)
    if most is not None and len(layers) > most:
        print(f"and {len(layers) - most} more that cost less: --all")
    print(f"\n{LEGEND}\n")
    if manifest.recovery:
        _print_recovery(manifest.recovery)
    for each in report["try"]:
        print_wrapped(f"try {each['option']}: ", advice_text(each))
    if not report["try"]:
        print(NOTHING_HELPS)


def _print_recovery(recovery: Mapping[str, Any]) -> None:
    """What each step of recovery gained, as `compile` measured it."""
    from edgetool.reports.quantization_page import RECOVERY_HEADS, recovery_rows

    print(f"recovery, over {recovery['samples']} {recovery['data']} samples")
    table(list(RECOVERY_HEADS), recovery_rows(recovery))
    print()


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"
