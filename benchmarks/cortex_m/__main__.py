"""Instructions, cycles and memory of int8 models on every core, for compilers and aims: one table.

python benchmarks/cortex_m [--models M …] [--cores C …] [--compilers gcc clang] [--optimize AIM …]
                           [--json FILE]

digits-cnn is shipped, five networks with random weights are made here. kws and ic of MLPerf Tiny
are taken from EDGETOOL_MIRROR or downloaded; without either they are left out, and that is said.
Needs the extra `mcu`, arm-none-eabi-gcc and riscv64-unknown-elf-gcc for gcc, and qemu-system-arm
for cortex-m55. Exit code 5 where an output was not the reference's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from itertools import product
from pathlib import Path

from edgetool.errors import EdgetoolError
from edgetool.kernels import OPTIMIZE
from measuring import MODELS, Row, Subject, measure, prepare
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
CHECK_DID_NOT_HOLD = 5


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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgetool-bench-") as folder:
        subjects = prepared(options.models, Path(folder))
    builds = product(subjects, options.cores, options.compilers, options.optimize)
    rows = [row for build in builds if (row := measured(*build)) is not None]
    peers = read_peers()
    print_table(subjects, rows, peers)
    if options.json:
        options.json.write_text(json.dumps(to_json(subjects, rows, peers), indent=1) + "\n")
    return 0 if rows and all(row.exact for row in rows) else CHECK_DID_NOT_HOLD


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
