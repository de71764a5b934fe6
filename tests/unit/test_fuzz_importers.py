"""10,000 broken files: each is a model or a ModelFormatError, in bounded time and memory.

To look at one: python tests/import_worker.py SEED 1 SEED+1, with toolchain and tests on PYTHONPATH.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import edgetool
from mutation import mutate

FILES = 10_000
WORKERS = 2
# Wall clock for one file on a busy machine; the worker itself limits processor time.
SILENCE_S = 120.0
TESTS = Path(__file__).parents[1]

Outcome = dict[str, Any]


@cache
def outcomes() -> list[Outcome]:
    """What became of each mutant, in the order of seeds. Computed once."""
    with ThreadPoolExecutor(WORKERS) as pool:
        parts = list(pool.map(lambda first: list(run_worker(first)), range(WORKERS)))
    return sorted((row for part in parts for row in part), key=lambda row: int(row["seed"]))


def run_worker(first: int) -> Iterator[Outcome]:
    """Outcomes of every WORKERS-th seed; a worker that dies or falls silent fails the test."""
    paths = [str(Path(edgetool.__file__).parents[1]), str(TESTS)]
    command = [sys.executable, "-W", "error::RuntimeWarning", str(TESTS / "import_worker.py")]
    with subprocess.Popen(
        [*command, str(first), str(WORKERS), str(FILES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
    ) as worker:
        started = "none"
        for line in _lines(worker):
            if line.startswith(">"):
                started = line[2:].strip()
            else:
                yield json.loads(line)
        complaint = worker.stderr.read().decode(errors="replace")[-2000:] if worker.stderr else ""
        if worker.wait() != 0:
            pytest.fail(f"the worker ended with {worker.returncode} at seed {started}: {complaint}")


def _lines(worker: subprocess.Popen[bytes]) -> Iterator[str]:
    """Lines as they come; ends the worker when none has come for SILENCE_S."""
    assert worker.stdout is not None
    pending = b""
    while True:
        ready, _, _ = select.select([worker.stdout], [], [], SILENCE_S)
        if not ready:
            worker.kill()
            pytest.fail(f"the worker has been silent for {SILENCE_S} s after {pending[-200:]!r}")
        chunk = os.read(worker.stdout.fileno(), 1 << 16)
        *lines, pending = (pending + chunk).split(b"\n")
        yield from (line.decode() for line in lines)
        if not chunk:
            return


def test_every_mutant_is_a_model_or_a_model_format_error() -> None:
    found = outcomes()
    escaped = [row for row in found if row["result"] == "escaped"]
    assert not escaped, f"{len(escaped)} escaped: {escaped[:5]}"
    assert [row["seed"] for row in found] == list(range(FILES))


@pytest.mark.parametrize("name", ["tflite", "onnx"])
def test_at_least_a_fifth_of_the_mutants_gets_past_the_header(name: str) -> None:
    rows = [row for row in outcomes() if row["format"] == name]
    assert sum(row["behind_header"] for row in rows) >= 0.2 * len(rows)


@pytest.mark.parametrize("name", ["tflite", "onnx"])
def test_mutants_reach_many_different_checks(name: str) -> None:
    """Some mutants are still models, and refusals are of many kinds, not one early one."""
    rows = [row for row in outcomes() if row["format"] == name]
    assert any(row["result"] == "model" for row in rows)
    assert len({row["text"] for row in rows}) > 500


def test_mutants_depend_on_the_seed_alone() -> None:
    first = [mutate(seed).data for seed in range(20)]
    assert [mutate(seed).data for seed in reversed(range(20))] == first[::-1]
    assert len(set(first)) > 15
