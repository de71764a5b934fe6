"""Accuracy and cost of int8 after training, edgetool beside its peers, in one run.

python benchmarks/quantization [--cases CASE …] [--peers PYTHON] [--folder DIR] [--json FILE]

Networks and data are made in DIR once and found there again; kws and ic are taken from
EDGETOOL_MIRROR. PYTHON is the interpreter of an environment with the peers:

    python -m venv peers && peers/bin/pip install onnxruntime ai-edge-quantizer \\
        onnx-neural-compressor prettytable

Without it only edgetool is measured. Every model is scored by edgetool's integer executor where it
can be lowered, else by ONNX Runtime without graph optimisation; SQNR is over all outputs of all
evaluation samples. CPU seconds are those of calibration and quantization without imports, of peers
on all threads that they take, of edgetool on one and on all; "stage" adds its checks and its
comparisons with the float model. Peaks are those of whole processes, "own" without what imports
took. All are measured, and comparable within one run only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from networks import CASES, Case, make_case

HERE = Path(__file__).parent
FAST = ("minmax", "percentile")
OWN = (*FAST, "normal")
PEERS = ("ort-minmax", "ort-percentile", "onnx-neural-compressor", "ai-edge-quantizer")
TIMEOUT_S = 1800
LONGEST_ERROR = 60


@dataclass(frozen=True)
class Row:
    """One tool on one case; None where it does not apply, error where it failed."""

    case: str
    tool: str
    score: float | None = None
    sqnr_db: float | None = None
    cpu_s: float | None = None
    peak_mib: float | None = None
    threads: int | None = None
    stage_cpu_s: float | None = None
    own_mib: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Floor:
    """CPU seconds of a float pass with extremes, and with histograms; MiB of the pass alone.

    own_mib: the same without what imports took.
    """

    extremes_cpu_s: float
    histograms_cpu_s: float
    peak_mib: float
    own_mib: float


class ToolError(Exception):
    """The last line that a tool said before it failed."""


def run_json(*command: str | Path) -> dict[str, Any]:
    """The JSON that a process prints last. Raises: ToolError."""
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(str(error)) from error
    if done.returncode:
        raise ToolError((done.stderr.strip() or "no message").splitlines()[-1])
    content: dict[str, Any] = (
        json.loads(done.stdout[done.stdout.rindex("\n{") + 1 :])
        if ("\n{" in done.stdout)
        else json.loads(done.stdout)
    )
    return content


def measure_floor(case: Case, sizes: list[int]) -> Floor:
    """The floor of a case."""
    program = HERE / "floor.py"
    found = run_json(sys.executable, program, case.model, case.calibration, json.dumps(sizes))
    passed = found["float_cpu_s"]
    return Floor(
        passed + found["extremes_cpu_s"],
        passed + found["histograms_cpu_s"],
        found["peak_mib"],
        found["peak_mib"] - found["imported_mib"],
    )


def scores(case: Case, model: Path) -> tuple[float | None, float | None]:
    """(metric, SQNR in dB) of a quantized model against the float one."""
    options: list[str | Path] = ["--samples", case.evaluation, "--reference", case.model]
    options += ["--metric", case.metric] if case.metric else []
    found = run_json(sys.executable, "-m", "edgetool", "evaluate", model, *options, "--json")
    closeness = next(iter(found["outputs"].values()))
    metric = found["metric"].get(case.metric, {}).get("value") if case.metric else None
    return metric, closeness.get("sqnr_db", {}).get("value")


def measure(case: Case, tool: str, command: list[str | Path], output: Path) -> Row:
    """Run a tool, then score what it wrote."""
    try:
        costs = run_json(*command, output)
        metric, sqnr = scores(case, output) if case.scored else (None, None)
    except (ToolError, ValueError, KeyError, StopIteration) as error:
        return Row(case.name, tool, error=str(error)[:LONGEST_ERROR])
    own = costs["peak_mib"] - costs["imported_mib"] if "imported_mib" in costs else None
    spent, peak = costs["cpu_s"], costs["peak_mib"]
    return Row(case.name, tool, metric, sqnr, spent, peak, None, costs.get("stage_cpu_s"), own)


def measure_own(case: Case, method: str, output: Path) -> list[Row]:
    """edgetool on one thread, scored, and where it may use more its cost on all."""
    rows = []
    for threads in sorted({1, os.cpu_count() or 1}):
        if method not in FAST and threads > 1:
            continue
        command: list[str | Path] = [sys.executable, HERE / "own.py", method, str(threads)]
        command += [case.model, case.calibration]
        asked = case if threads == 1 else replace(case, scored=False)
        row = measure(asked, f"edgetool {method}", command, output)
        rows.append(replace(row, threads=threads))
    return rows


def measure_case(case: Case, peers: str | None, folder: Path) -> tuple[Floor, list[Row]]:
    """All tools on one case; edgetool is run first, it tells which activations there are."""
    rows, sizes = [], []
    output = folder / f"{case.name}.onnx"
    for method in OWN if case.scored else FAST:
        rows += measure_own(case, method, output)
    command: list[str | Path] = [sys.executable, HERE / "own.py", "minmax", "1", case.model]
    sizes = run_json(*command, case.calibration, output)["sizes"]
    for tool in PEERS if peers else ():
        model = case.tflite if tool == "ai-edge-quantizer" else case.model
        if model is None:
            continue
        output = folder / f"{case.name}.{tool}{model.suffix}"
        command = [peers or "", HERE / "peer.py", tool, model, case.calibration]
        rows.append(measure(case, tool, command, output))
    return measure_floor(case, sizes), rows


def print_case(floor: Floor, rows: list[Row]) -> None:
    """One table a case."""
    case = rows[0].case
    print(
        f"\n{case}: floor {floor.extremes_cpu_s:.2f} CPU s with extremes,"
        f" {floor.histograms_cpu_s:.2f} with histograms; float session {floor.peak_mib:.0f} MiB,"
        f" {floor.own_mib:.0f} its own"
    )
    print(
        f"{'tool':26}{'threads':>8}{'metric':>8}{'SQNR dB':>9}{'CPU s':>8}{'stage':>8}"
        f"{'peak MiB':>10}{'own MiB':>9}"
    )
    for row in rows:
        cells = [
            _number(row.threads, 8, 0),
            _number(row.score, 8, 4),
            _number(row.sqnr_db, 9, 2),
            _number(row.cpu_s, 8, 2),
            _number(row.stage_cpu_s, 8, 2),
            _number(row.peak_mib, 10, 0),
            _number(row.own_mib, 9, 0),
        ]
        print(f"{row.tool:26}{row.error or ''.join(cells)}")


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{'–':>{width}}" if value is None else f"{value:{width}.{digits}f}"


def main() -> None:
    """Measure the cases asked for and print their tables."""
    parser = argparse.ArgumentParser(prog="python benchmarks/quantization")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--peers", help="Python of an environment with the peers")
    parser.add_argument("--folder", type=Path, default=Path("build") / "quantization")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.cases:
            try:
                case = make_case(name, options.folder)
            except FileNotFoundError as error:
                print(f"\n{name}: left out, {error}")
                continue
            floor, rows = measure_case(case, options.peers, Path(folder))
            print_case(floor, rows)
            found.append({"floor": asdict(floor), "rows": [asdict(row) for row in rows]})
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
