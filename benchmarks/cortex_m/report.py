"""Rows as a table and as JSON, beside what a peer needs for the same model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetool.figures import Figure
from measuring import Row, Subject

FIGURES = {
    "instructions": "instructions",
    "cycles": "cycles ~",
    "arena_bytes": "arena",
    "ram_bytes": "ram",
    "stack_bytes": "stack",
    "code_bytes": "code",
    "constant_bytes": "constants",
}
LEGEND = """\
instructions, stack: emulated, exact. cycles ~: estimated from the core's timing table, zero wait
states. arena, ram, code, constants: computed, bytes. bits: outputs equal the reference executor's.
* random weights.   x TFLM, x arena: instructions, and on Cortex-M4 the arena, over those of
{source}."""


def read_peers() -> Mapping[str, Any]:
    """peers.toml."""
    return tomllib.loads(Path(__file__).with_name("peers.toml").read_text("utf-8"))


def ratios(row: Row, peers: Mapping[str, Any]) -> dict[str, Figure]:
    """What this row takes for each unit of the peer's; absent where the peer has no figure."""
    published = peers.get(row.model, {})
    found = {}
    counted = published.get("instructions", {}).get(row.core)
    if counted:
        instructions = row.figures["instructions"].value / counted
        found["instructions_ratio"] = Figure(instructions, "1", "emulated", peers["source"])
    if published and row.core == "cortex-m4":
        arena = row.figures["arena_bytes"].value / published["arena_bytes"]
        found["arena_ratio"] = Figure(arena, "1", "computed", peers["source"])
    return found


def to_json(
    subjects: Sequence[Subject], rows: Sequence[Row], peers: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything, each figure as {value, unit, kind}."""
    return {
        "schema_version": 1,
        "peers": dict(peers),
        "models": [
            {
                "name": subject.name,
                "random_weights": subject.random,
                "macs": Figure(subject.program.total_macs(), "1", "computed").to_json(),
            }
            for subject in subjects
        ],
        "rows": [_row_json(row, peers) for row in rows],
    }


def _row_json(row: Row, peers: Mapping[str, Any]) -> dict[str, Any]:
    figures = {**row.figures, **ratios(row, peers)}
    return {
        "model": row.model,
        "core": row.core,
        "compiler": row.compiler,
        "optimize": row.aim,
        "exact": row.exact,
        **{name: figure.to_json() for name, figure in figures.items()},
    }


def print_table(subjects: Sequence[Subject], rows: Sequence[Row], peers: Mapping[str, Any]) -> None:
    """Columns padded to their widest cell, numbers to the right."""
    by_name = {subject.name: subject for subject in subjects}
    words = ["model", "core", "compiler", "optimize"]
    head = [*words, "MACs", "per MAC", *FIGURES.values(), "x TFLM", "x arena", "bits"]
    lines = [head, *(_cells(row, by_name[row.model], peers) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.ljust(width) if index < len(words) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print(LEGEND.format(source=peers["source"]))


def _cells(row: Row, subject: Subject, peers: Mapping[str, Any]) -> list[str]:
    macs = subject.program.total_macs()
    per_mac = row.figures["instructions"].value / macs
    known = [row.figures.get(name) for name in FIGURES]
    compared = ratios(row, peers)
    shares = [compared.get(name) for name in ("instructions_ratio", "arena_ratio")]
    return [
        f"{row.model}{'*' if subject.random else ''}",
        row.core,
        row.compiler,
        row.aim,
        f"{macs:,}",
        f"{per_mac:.2f}",
        *("–" if figure is None else f"{figure.value:,.0f}" for figure in known),
        *("" if figure is None else f"{figure.value:.2f}" for figure in shares),
        "yes" if row.exact else "NO",
    ]
