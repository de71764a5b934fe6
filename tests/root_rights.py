"""Tests of refused permissions, which root's rights would pass over: run them without those."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import needs

MARKER = "without_root_rights"
RIGHTS = "dac_override,-dac_read_search"
CAP_DAC_OVERRIDE = 1


def passes_over_permissions() -> bool:
    """Whether this process may write and read what a file's mode forbids."""
    if os.geteuid() != 0:
        return False
    lines = Path("/proc/self/status").read_text().splitlines()
    (effective,) = (line.split()[1] for line in lines if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> CAP_DAC_OVERRIDE & 1)


def run_without_root_rights(item: pytest.Function) -> None:
    """Run a test in a process of root that modes of files bind; fail as it fails."""
    setpriv = needs.require_tool("setpriv", "apt install util-linux")
    command = [str(setpriv), f"--bounding-set=-{RIGHTS}", sys.executable, "-m", "pytest", "-q"]
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(item.config.rootpath)]
    done = subprocess.run(
        [*command, *options, item.nodeid],
        cwd=item.config.rootpath,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"without root's rights:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
