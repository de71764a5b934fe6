"""`edgetool --help` is quick because it imports only what it prints with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "numpy",
    "onnx",
    "onnx_ir",
    "onnxruntime",
    "tflite",
    "flatbuffers",
    "ai_edge_litert",
    "unicorn",
    "capstone",
    "ziglang",
    "sklearn",
    "sqlite3",
}
VERBS = [
    "compile",
    "evaluate",
    "verify",
    "profile",
    "compare",
    "inspect",
    "targets",
    "models",
    "doctor",
]


def imported_for(*arguments: str) -> tuple[set[str], str]:
    """Top-level modules that a command imports, and what it prints."""
    source = Path(__file__).parents[2] / "toolchain"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "edgetool", *arguments],
        env={"PYTHONPATH": str(source), "PATH": "", "COLUMNS": "100"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    return {name.split(".")[0] for name in names}, done.stdout


def test_help_lists_every_verb_and_imports_nothing_heavy() -> None:
    modules, text = imported_for("--help")
    assert "typer" in modules  # the list of imports is read at all
    assert modules & HEAVY == set()
    for verb in VERBS:
        assert verb in text


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_imports_nothing_heavy(verb: str) -> None:
    modules, text = imported_for(verb, "--help")
    assert modules & HEAVY == set()
    assert "Usage" in text


def test_version_imports_nothing_heavy() -> None:
    modules, text = imported_for("--version")
    assert modules & HEAVY == set()
    assert text.startswith("edgetool ")
