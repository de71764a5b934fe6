"""The agent on every Python that this machine has, and a board that has none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgetool.agent import AgentClient, Event, RunState, probe_device, start_run
from edgetool.agent.shell import probe_by_shell, time_command
from edgetool.errors import DeviceError, ProtocolError
from edgetool.transports.local import LocalTransport
from edgetool.transports.transport import Transport


def pythons() -> list[str]:
    """This Python and others from 3.6 on that are on PATH and run."""
    found = [sys.executable]
    for minor in range(6, 15):
        path = shutil.which(f"python3.{minor}")
        if path and minor != sys.version_info.minor:
            done = subprocess.run([path, "-c", ""], capture_output=True, timeout=60)
            found += [path] if done.returncode == 0 else []
    return found


@pytest.mark.parametrize("backend", ["local"])
@pytest.mark.parametrize("python", pythons(), ids=os.path.basename)
def test_agent_probes_runs_and_follows(transport: Transport, python: str) -> None:
    with AgentClient(transport, python=python) as client:
        facts = probe_device(client)
        assert facts.python == client.hello.python
        run = start_run(client, {"kind": "count", "samples": 50, "every_s": 0.001})
        items = list(client.follow(run))
    samples = [v for i in items if isinstance(i, Event) for v in i.fields.get("samples", ())]
    assert samples == list(range(50))
    assert isinstance(items[-1], RunState)
    assert items[-1].state == "done"


def test_shell_probe_says_what_the_agents_probe_says(transport: Transport) -> None:
    by_shell = probe_by_shell(transport)
    with AgentClient(transport) as client:
        by_agent = probe_device(client)
    for name in ("machine", "kernel", "libc", "os", "boot_id", "user", "memory_bytes"):
        assert getattr(by_shell, name) == getattr(by_agent, name), name
    assert by_shell.cpus_online == by_agent.cpus_online
    assert by_shell.writable is True
    assert by_shell.python is None
    assert by_shell.disk_free_bytes is not None
    assert by_shell.disk_free_bytes > 0


def test_command_is_timed_as_a_whole(transport: Transport) -> None:
    timed = time_command(transport, ("sleep", "0.05"), 4)
    assert timed.runs == 4
    assert timed.seconds_per_run >= 0.045
    with pytest.raises(DeviceError, match="exit code 3"):
        time_command(transport, ("sh", "-c", "exit 3"), 2)
    with pytest.raises(DeviceError, match="more runs"):
        time_command(transport, ("true",), 0)


def test_arguments_are_never_read_by_the_shell(transport: Transport, home: Path) -> None:
    odd = "'; touch broken; '$(touch broken)`touch broken`"
    time_command(transport, ("sh", "-c", "sleep 0.05", odd), 1)
    assert probe_by_shell(transport, f"{odd}/x").machine == os.uname().machine
    assert not (home / "broken").exists()
    assert not Path("broken").exists()


@pytest.mark.parametrize("backend", ["local"])
def test_hostile_shell_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "bin"
    folder.mkdir()
    (folder / "uname").write_text("#!/bin/sh\nprintf 'aarch64\\033[2J'\n")
    (folder / "uname").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    with LocalTransport(home) as transport, pytest.raises(ProtocolError, match="never does"):
        probe_by_shell(transport)
