"""How a refusal must look, whatever was wrong: one error, what to try, nothing written."""

from __future__ import annotations

import re
from pathlib import Path

from command_line import Finished, edgetool, nothing_changes


def assert_refused(finished: Finished, code: int, first_line: str, *also: str) -> None:
    """The exit code, `error: <pattern>` as the first line on stderr, a `try:`, and other texts."""
    assert finished.code == code, finished.err
    assert finished.out == ""
    assert re.match(f"error: {first_line}", finished.err), finished.err
    assert re.search(r"^  try: \S", finished.err, re.MULTILINE), finished.err
    assert "Traceback" not in finished.err
    for text in also:
        assert text in finished.err, finished.err


def refused(
    here: Path, arguments: tuple[object, ...], code: int, first_line: str, *also: str
) -> None:
    """Run `edgetool`, which must refuse and leave the folder as it was."""
    with nothing_changes(here):
        finished = edgetool(*arguments)
    assert_refused(finished, code, first_line, *also)
