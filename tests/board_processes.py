"""Processes that tests of the agent started: found by where they run, and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path


def processes_of(run: str) -> list[int]:
    """A run's supervisor, then its worker; process ids wrap around, so they tell no order."""
    found = []
    for entry in _processes():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if run.encode() in words:
                found.append((b"--job" in words, int(entry.name)))
    return [pid for _, pid in sorted(found)]


def processes_in(folder: Path) -> list[int]:
    """Processes whose working folder is this one or below it: agents and runs."""
    found = []
    for entry in _processes():
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(folder) and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def kill(pids: Iterable[int]) -> None:
    """At once, without a word."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def end_run(run: str) -> None:
    """Kill a run's processes until there are none, those too that one started meanwhile."""
    until = time.monotonic() + 20
    while pids := processes_of(run):
        kill(pids)
        assert time.monotonic() < until, f"processes of {run} cannot be killed"
        time.sleep(0.002)


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
