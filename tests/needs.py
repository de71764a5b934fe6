"""What a test needs of the machine: a tool, a module, a file. Without it: skipped, never passed.

In CI (CI=true) nothing skips for a missing tool: CI is where everything is installed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from edgetool.models import find_in_mirror

NO_MIRROR = "set EDGETOOL_MIRROR to a folder with the MLPerf Tiny files"


def in_ci() -> bool:
    """Whether CI=true."""
    return os.environ.get("CI", "").lower() == "true"


def require_tool(name: str, how_to_install: str) -> Path:
    """The path of an executable on PATH. Without it: skip, or in CI fail, saying how to install."""
    path = shutil.which(name)
    if path is None:
        _missing(name, how_to_install)
    return Path(str(path))


def require_module(name: str, how_to_install: str) -> None:
    """Go on if a Python module can be imported; else skip, or in CI fail. Imports nothing."""
    if importlib.util.find_spec(name) is None:
        _missing(name, how_to_install)


def require_ssh_server() -> None:
    """Go on if OpenSSH's server and paramiko are here; else skip, or in CI fail."""
    from ssh_server import HOW_TO_INSTALL, sshd

    if sshd() is None:
        _missing("sshd", HOW_TO_INSTALL)
    require_tool("ssh-keygen", HOW_TO_INSTALL)
    require_module("paramiko", "pip install 'edgetool[ssh]'")


def require_aarch64_board() -> None:
    """Go on if an aarch64 board can run here under emulation; else skip, or in CI fail."""
    from boards.aarch64 import missing_for_a_board

    reason = missing_for_a_board()
    if reason is not None:
        _missing_because(reason)


def require_root(why: str) -> None:
    """Go on as root; else skip, or in CI fail.   why: "to mount a small disk"."""
    if os.geteuid() != 0:
        _missing_because(f"run as root {why}")


def mirror_file(sha256: str) -> Path:
    """The file with this hash under EDGETOOL_MIRROR. Without it: skip.

    In CI a mirror that is there but lacks the file is a failure.
    """
    path = find_in_mirror(sha256)
    if path is not None:
        return path
    if in_ci() and os.environ.get("EDGETOOL_MIRROR"):
        pytest.fail(f"EDGETOOL_MIRROR has no file with sha256 {sha256}")
    pytest.skip(NO_MIRROR)


def _missing(name: str, how_to_install: str) -> None:
    _missing_because(f"{name} is not installed: {how_to_install}")


def _missing_because(reason: str) -> None:
    if in_ci():
        pytest.fail(f"{reason} (in CI nothing skips)")
    pytest.skip(reason)
