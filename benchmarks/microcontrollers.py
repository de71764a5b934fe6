"""Instructions, cycles and memory of int8 models on microcontroller cores, as one table.

python benchmarks/microcontrollers.py [--cores CORE …] [--compiler clang|gcc] [--output DIR]

digits-cnn is shipped. The MLPerf Tiny models kws and ic are taken from EDGETOOL_MIRROR or
downloaded; without either they are left out, and that is said. Needs the extra `mcu`.
Instructions are emulated, cycles estimated: what the columns' heads say.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORES = (
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "rv32imc",
)
MODELS = {"digits-cnn": "model.onnx", "kws": "kws_int8.tflite", "ic": "ic_int8.tflite"}
COLUMNS = (
    "instructions",
    "cycles",
    "ram_bytes",
    "stack_bytes",
    "code_bytes",
    "constant_bytes",
)


@dataclass(frozen=True)
class Row:
    """A model on a core: its MACs, and profile's figures by name, {value, unit, kind} each."""

    model: str
    core: str
    macs: float
    figures: dict[str, dict[str, Any]]


class VerbError(Exception):
    """The tool's own message on stderr."""


def edgetool(*arguments: str | Path) -> dict[str, Any]:
    """What a verb prints with --json. Raises: VerbError with its error."""
    command = [sys.executable, "-m", "edgetool", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise VerbError(done.stderr.strip())
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def measure(model: str, path: Path, core: str, compiler: str, folder: Path) -> Row:
    """Compile for a core and profile in the emulator."""
    artifact = folder / f"{model}-{core}"
    options: list[str | Path] = ["--target", core, "--output", artifact, "--force"]
    options += ["--compiler", compiler]
    if path.suffix == ".onnx":
        options += ["--calibrate", path.parent / "calibration.npz"]
    compiled = edgetool("compile", path, *options)
    return Row(model, core, compiled["macs"]["value"], edgetool("profile", artifact))


def heading(column: str, rows: list[Row]) -> str:
    """The column's name with the kinds of its figures, so that none is taken for another."""
    kinds = {row.figures[column]["kind"] for row in rows if column in row.figures}
    return f"{column} ({'/'.join(sorted(kinds))})"


def cells(row: Row) -> list[str]:
    """One line of the table; a figure that was not obtained is a dash."""
    values = [row.figures[name]["value"] if name in row.figures else None for name in COLUMNS]
    instructions = values[0]
    per_mac = "–" if instructions is None else f"{instructions / row.macs:.2f}"
    figures = ["–" if value is None else f"{value:,.0f}" for value in values]
    return [row.model, row.core, f"{row.macs:,.0f}", *figures, per_mac]


def print_table(rows: list[Row]) -> None:
    """Columns padded to their widest cell, numbers to the right."""
    head = ["model", "core", "MACs", *(heading(name, rows) for name in COLUMNS)]
    lines = [[*head, "instructions per MAC"], *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        texts = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
        print("  ".join(texts + numbers))


def main() -> None:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(description="Profile int8 models on microcontroller cores.")
    parser.add_argument("--cores", nargs="+", default=CORES)
    parser.add_argument("--compiler", default="clang")
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    rows = []
    for model, file in MODELS.items():
        files = options.output / "models" / model
        try:
            edgetool("models", "get", model, "--output", files)
        except VerbError as error:
            print(f"left out: {model}: {error}", file=sys.stderr)
            continue
        for core in options.cores:
            print(f"{model} on {core}", file=sys.stderr)
            rows.append(measure(model, files / file, core, options.compiler, options.output))
    print_table(rows)


if __name__ == "__main__":
    try:
        main()
    except VerbError as error:
        sys.exit(str(error))
