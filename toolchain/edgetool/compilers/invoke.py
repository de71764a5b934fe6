"""Run a compiler: its complaints become typed errors."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edgetool.errors import CompilerError, DoesNotFitError

LINES_SHOWN = 12
TIMEOUT_S = 600
"""A compiler's own run-time library is built at its first use and takes up to a minute."""

_OVERFLOW = re.compile(r"region [`'](FLASH|RAM)':? overflowed by (\d+) bytes")


def invoke(command: Sequence[str], directory: Path, purpose: str) -> None:
    """Run one compiler command in a folder.

    purpose: what it was to do, for the message ("compile kws.c").
    Raises: CompilerError with the compiler's first lines; DoesNotFitError where the linker ran out
    of the emulated machine's memory.
    """
    try:
        finished = subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CompilerError(f"cannot {purpose}: no end after {TIMEOUT_S} s") from error
    if finished.returncode != 0:
        raise _failure(finished.stdout.decode("utf-8", "replace"), purpose)


def undefined_symbols(error: CompilerError) -> list[str]:
    """Names that a linker missed, as lld and GNU ld say it."""
    text = "\n".join(error.details)
    found = re.findall(r"undefined (?:symbol: |reference to [`'])([A-Za-z0-9_.$]+)", text)
    return sorted(set(found))


def _failure(output: str, purpose: str) -> CompilerError | DoesNotFitError:
    lines = [line for line in output.splitlines() if line.strip()]
    overflow = _OVERFLOW.search(output)
    if overflow:
        region, excess = overflow.groups()
        return DoesNotFitError(
            f"the model does not fit the emulated machine: {region} is {int(excess):,} bytes short",
            details=lines[:LINES_SHOWN],
            hints=[
                "compile for a board instead, whose limits are checked before",
                "a smaller model",
            ],
        )
    shown = _first_errors(lines)
    return CompilerError(f"cannot {purpose}", details=shown)


def _first_errors(lines: list[str]) -> list[str]:
    """From the first line that is no warning's; GNU ld's own lines do not say "error"."""
    wanted = re.compile(r"error|undefined|\bld: (?!warning)")
    first = next((n for n, line in enumerate(lines) if wanted.search(line)), 0)
    return lines[first : first + LINES_SHOWN]
