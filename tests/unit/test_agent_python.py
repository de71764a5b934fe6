"""The agent runs on Python 3.6: nothing newer in its syntax, and nothing newer is called."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import needs

AGENT = Path(__file__).parents[2] / "targets" / "linux" / "agent"
SOURCES = sorted(AGENT.glob("*.py"))
NEWER = [
    "import subprocess\nsubprocess.run(['ls'], capture_output=True)",
    "import subprocess\nsubprocess.run(['ls'], text=True)",
    "import time\ntime.monotonic_ns()",
    "import time\ntime.perf_counter_ns()",
    "import shlex\nshlex.join(['ls'])",
    "import dataclasses",
    "import importlib.metadata",
    "from __future__ import annotations",
    "import datetime\ndatetime.datetime.fromisoformat('2020-01-01')",
    "import math\nmath.prod([1])",
    "if (n := 1):\n    pass",
    "x = 1\nprint(f'{x=}')",
    "'ab'.removeprefix('a')",
    "def f(a, /):\n    pass",
    "import contextlib\ncontextlib.nullcontext()",
]


def minimum_python(source: str) -> tuple[int, ...]:
    """The oldest Python 3 that the source runs on."""
    needs.require_module("vermin", "pip install vermin")
    import vermin

    visitor = vermin.visit(source)
    visitor.output_text()
    minimums = visitor.minimum_versions()
    return tuple(minimums[1] or (3, 0))


def test_there_are_sources() -> None:
    assert "__main__.py" in {path.name for path in SOURCES}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_module_parses_with_python_3_6(source: Path) -> None:
    ast.parse(source.read_text("utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_module_calls_nothing_newer_than_python_3_6(source: Path) -> None:
    assert minimum_python(source.read_text("utf-8")) <= (3, 6)


@pytest.mark.parametrize("source", NEWER)
def test_what_is_newer_is_seen(source: str) -> None:
    try:
        ast.parse(source, feature_version=(3, 6))
    except SyntaxError:
        return
    assert minimum_python(source) > (3, 6)
