"""Instructions, cycles and memory of int8 models on every core, for compilers and aims: one table.

python benchmarks/cortex_m [--models M …] [--cores C …] [--compilers gcc clang] [--optimize AIM …]
                           [--json FILE] [--peer-sources DIR]

digits-cnn is shipped, five networks with random weights are made here. kws and ic of MLPerf Tiny
are taken from EDGETOOL_MIRROR or downloaded; without either they are left out, and that is said.
Needs the extra `mcu`, arm-none-eabi-gcc and riscv64-unknown-elf-gcc for gcc, and qemu-system-arm
for cortex-m55. Exit code 5 where an output was not the reference's.

--peer-sources DIR: CMSIS-NN in DIR is built with gcc, runs the same models' layers in the same
emulator for the board of which a latency is published, and both estimates stand beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from cmsis_nn import cmsis_nn_files
from edgetool.errors import EdgetoolError, UsageError
from edgetool.kernels import OPTIMIZE
from measuring import MODELS, Row, Subject, measure, prepare
from on_board import BoardRow, measure_on_board, print_board_table
from report import print_table, read_peers, to_json

CORES = (
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "rv32imc",
)
USAGE, CHECK_DID_NOT_HOLD = 2, 5


def main() -> int:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(prog="cortex_m", description="Profile int8 models on cores.")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--cores", nargs="+", choices=CORES, default=CORES)
    parser.add_argument(
        "--compilers", nargs="+", choices=("gcc", "clang"), default=["gcc", "clang"]
    )
    parser.add_argument("--optimize", nargs="+", choices=OPTIMIZE, default=OPTIMIZE)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    parser.add_argument("--peer-sources", type=Path, metavar="DIR", help="a CMSIS-NN to run too")
    options = parser.parse_args()
    try:
        if options.peer_sources:
            cmsis_nn_files(options.peer_sources)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    with tempfile.TemporaryDirectory(prefix="edgetool-bench-") as folder:
        subjects = prepared(options.models, Path(folder))
    builds = product(subjects, options.cores, options.compilers, options.optimize)
    rows = [row for build in builds if (row := measured(*build)) is not None]
    peers = read_peers()
    print_table(subjects, rows, peers)
    board_rows = on_board(subjects, peers, options.peer_sources) if options.peer_sources else []
    if options.json:
        content = to_json(subjects, rows, peers) | {"board": [row.to_json() for row in board_rows]}
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    ran = [*rows, *board_rows]
    return 0 if ran and all(row.exact for row in ran) else CHECK_DID_NOT_HOLD


def on_board(subjects: list[Subject], peers: Mapping[str, Any], sources: Path) -> list[BoardRow]:
    """Both sides' rows for the board of the published latencies; printed, too."""
    published = peers["published"]
    known = [subject for subject in subjects if subject.name in published["latency_s"]]
    rows = [row for subject in known for row in measure_on_board(subject, published, sources)]
    print_board_table(rows, published["source"])
    return rows


def prepared(names: list[str], folder: Path) -> list[Subject]:
    """The models whose files can be had; of the others it is said why not."""
    found = []
    for name in names:
        try:
            found.append(prepare(name, folder))
        except EdgetoolError as error:
            print(f"left out: {name}: {error.message}", file=sys.stderr)
    return found


def measured(subject: Subject, core: str, compiler: str, aim: str) -> Row | None:
    """A row; None where the build or the run failed, and it is said why."""
    label = f"{subject.name} on {core}, {compiler}, {aim}"
    print(label, file=sys.stderr)
    try:
        return measure(subject, core, compiler, aim)
    except EdgetoolError as error:
        print(f"left out: {label}: {error.message}", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main())
