"""Start an emulator as a process that always ends: with its work, on a timeout, or with us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Finished:
    """How a process ended.   returncode: None: it was ended because of the timeout."""

    returncode: int | None
    stdout: bytes
    stderr: str


def run_to_end(
    command: Sequence[str],
    directory: Path,
    timeout_s: float,
    *,
    standard_input: bytes = b"",
    environment: dict[str, str] | None = None,
) -> Finished:
    """Run a command; it is gone when this returns or raises, Ctrl-C included."""
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_end_with_parent(),
    )
    try:
        stdout, stderr = process.communicate(standard_input, timeout_s)
        returncode: int | None = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        returncode = None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return Finished(returncode, stdout, stderr.decode("utf-8", "replace"))


def _end_with_parent() -> Callable[[], None] | None:
    """On Linux the kernel ends the child when we are killed: an emulator that hangs in a fault
    would run at full load for ever.
    """
    if sys.platform != "linux":
        return None
    set_option = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        set_option(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel
