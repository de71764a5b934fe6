"""edgetool compare: artifacts side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgetool.cli.printing import table
from edgetool.cli.terminal import JSON_OPTION, print_json, say, verb

if TYPE_CHECKING:
    from edgetool.comparison import Comparison, Row
    from edgetool.figures import Figure

HEADINGS = {
    "accuracy": "accuracy",
    "flash_bytes": "flash",
    "ram_bytes": "RAM",
    "macs": "MACs",
    "parameters": "parameters",
    "instructions": "instructions",
    "cycles": "cycles",
    "latency_s": "latency",
    "host_latency_s": "latency here",
    "stack_bytes": "stack",
}
MARKS = {"measured": "", "computed": "", "emulated": " e", "estimated": " ~", "predicted": " p"}


@verb
def run(
    artifacts: list[Path] = typer.Argument(
        ..., metavar="ARTIFACT", help="Folders written by `edgetool compile`."
    ),
    by: str = typer.Option(
        "",
        metavar="NAMES",
        help="Sort by the first and find the Pareto front of: accuracy, latency, flash, ram, "
        "macs, instructions, cycles. Example: latency,accuracy",
    ),
    json_output: bool = JSON_OPTION,
) -> None:
    """Put artifacts side by side.

    Accuracy, sizes, MACs and, where `edgetool profile` has run, instructions and latency; each
    figure says whether it was measured, emulated or estimated.
    """
    from edgetool.artifact import Artifact
    from edgetool.comparison import compare_artifacts

    opened = [Artifact.open(folder) for folder in artifacts]
    comparison = compare_artifacts(opened, [name for name in by.split(",") if name])
    if json_output:
        print_json(comparison.to_json())
    else:
        _print(comparison)


def _print(comparison: Comparison) -> None:
    columns = ["artifact", "precision", "verified", *(HEADINGS[c] for c in comparison.columns)]
    names = _short_names(comparison)
    rows = [_row(names[row.name], row, comparison) for row in comparison.rows]
    table(columns, rows, fold=True)
    say("e emulated, exact   ~ estimated   others measured or computed   – not known")
    if comparison.by:
        front = ", ".join(names[name] for name in comparison.pareto)
        front = front or "no artifact has all of these figures"
        say(f"Pareto front by {', '.join(comparison.by)}: {front}")


def _short_names(comparison: Comparison) -> dict[str, str]:
    """Each artifact's folder name, or its path where two folders share a name."""
    names = {row.name: Path(row.name).name or row.name for row in comparison.rows}
    shared = len(set(names.values())) < len(names)
    return {name: name for name in names} if shared else names


def _row(name: str, row: Row, comparison: Comparison) -> list[str]:
    verified = {None: "–", True: "yes", False: "NO"}[row.holds]
    cells = [_cell(row.figures.get(column)) for column in comparison.columns]
    return [name, row.precision, verified, *cells]


def _cell(figure: Figure | None) -> str:
    from edgetool.figures import format_figure

    return "–" if figure is None else format_figure(figure) + MARKS[figure.kind]
