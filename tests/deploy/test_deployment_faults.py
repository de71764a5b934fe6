"""Deployments over a real sshd that are cut, killed and starved, at points drawn from seeds.

After each: no corrupt artifact, no half release; deploying again finishes.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import needs
from deployed import RELEASE, assert_sound, current, device_of, with_weights
from edgetool.artifact import Artifact
from edgetool.compilation.request import CompileRequest
from edgetool.compilation.steps import compile_model
from edgetool.deployment.deploy import Deployed, Deployment
from edgetool.devices import Device
from edgetool.errors import (
    DeviceError,
    EdgetoolError,
    LinkError,
    NoPythonError,
    NoSpaceError,
    NotPermittedError,
    ProtocolError,
)
from link import Link
from ssh_server import SshServer

MODEL = Path(__file__).parents[2] / "models" / "digits-cnn" / "model.onnx"
WEIGHTS_BYTES = 1_300_000  # sent as a file of its own, beside the packed small ones
POINTS = 20


@pytest.fixture(scope="module", autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A signing key of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))
        yield


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn for this machine. Not to be changed."""
    folder = tmp_path_factory.mktemp("artifact") / "digits"
    return compile_model(CompileRequest(MODEL, "host", output=folder)).folder


def deploy(artifact: Artifact, device: Device) -> Deployed:
    return Deployment.prepare(artifact, RELEASE).to(device)


def root_of(server: SshServer) -> Path:
    return server.home / ".edgetool"


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that does not try again by itself."""
    monkeypatch.setattr("edgetool.deployment.deploy.ATTEMPTS", 1)


# --- the link -------------------------------------------------------------------------------------


def test_a_link_cut_at_any_byte_leaves_the_old_release_and_the_next_deploy_finishes(
    small: Path, ssh_server: SshServer, tmp_path: Path, once: None
) -> None:
    made = [with_weights(small, tmp_path / f"{n}", n, WEIGHTS_BYTES) for n in range(POINTS + 1)]
    with Link(ssh_server.port) as link:
        device = device_of(ssh_server, port=link.port)
        deploy(made[0], device)
        before, whole, cut = made[0].sha256, link.up, 0
        for seed, artifact in enumerate(made[1:]):
            link.cut_after(random.Random(seed).randrange(whole))
            with contextlib.suppress(LinkError):
                deploy(artifact, device)
            cut += current(root_of(ssh_server)) == before
            assert current(root_of(ssh_server)) in (before, artifact.sha256)
            assert_sound(root_of(ssh_server))
            link.heal()
            deploy(artifact, device)
            before = artifact.sha256
            assert current(root_of(ssh_server)) == before
            assert_sound(root_of(ssh_server))
    assert cut >= POINTS // 2, "the cuts hit"


def test_a_lost_link_is_made_again_and_what_was_sent_is_not_sent_twice(
    small: Path, ssh_server: SshServer, tmp_path: Path
) -> None:
    size, cut_at = 8_000_000, 6_000_000
    artifact = with_weights(small, tmp_path / "0", 0, size)
    with Link(ssh_server.port) as link:

        def heal() -> None:
            while link.connections < 2:
                time.sleep(0.001)
            link.heal()

        link.cut_after(cut_at)
        healer = threading.Thread(target=heal)
        healer.start()
        done = deploy(artifact, device_of(ssh_server, port=link.port))
        healer.join()
        assert link.up < cut_at + 0.6 * size
    assert done.state == "deployed"
    assert current(root_of(ssh_server)) == artifact.sha256


def test_a_second_deploy_moves_less_than_100_kb(
    small: Path, ssh_server: SshServer, tmp_path: Path
) -> None:
    artifact = with_weights(small, tmp_path / "0", 0, WEIGHTS_BYTES)
    with Link(ssh_server.port) as link:
        device = device_of(ssh_server, port=link.port)
        deploy(artifact, device)
        carried = link.carried
        assert carried > WEIGHTS_BYTES
        assert deploy(artifact, device).state == "already there"
        assert link.carried - carried < 100_000


# --- the device's processes -----------------------------------------------------------------------


def agents_below(pid: int) -> list[int]:
    """Processes of a server's sessions that run the agent."""
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            words = Path(f"/proc/{child}/cmdline").read_bytes()
            found += [int(child)] if b".pyz\0" in words and words.startswith(b"python3") else []
            found += agents_below(int(child))
    return found


def kill_agents(server: SshServer) -> None:
    assert server._process is not None
    for pid in agents_below(server._process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def power_cycle(server: SshServer) -> None:
    """Everything of the board ends at once, its server too, and it comes up again."""
    server.stop()
    server.start()


KILLS = {"agent": kill_agents, "sshd": SshServer.end_sessions, "board": power_cycle}


@pytest.mark.parametrize("killed", KILLS)
def test_processes_killed_at_any_moment_leave_a_release_that_is_whole(
    killed: str, small: Path, ssh_server: SshServer, tmp_path: Path, once: None
) -> None:
    device = device_of(ssh_server)
    first = with_weights(small, tmp_path / "first", 999, WEIGHTS_BYTES)
    deploy(first, device)
    again = with_weights(small, tmp_path / "again", 998, WEIGHTS_BYTES)
    started = time.monotonic()
    deploy(again, device)
    takes_s, before, failed = time.monotonic() - started, again.sha256, 0
    for seed in range(POINTS):
        artifact = with_weights(small, tmp_path / f"{seed}", seed, WEIGHTS_BYTES)
        moment_s = random.Random(seed).uniform(0.2, 1.0) * takes_s
        timer = threading.Timer(moment_s, KILLS[killed], [ssh_server])
        timer.start()
        try:
            deploy(artifact, device)
        except DeviceError:
            failed += 1
        timer.join()
        assert current(root_of(ssh_server)) in (before, artifact.sha256)
        assert_sound(root_of(ssh_server))
        deploy(artifact, device)
        before = artifact.sha256
        assert current(root_of(ssh_server)) == before
        assert_sound(root_of(ssh_server))
    assert failed, "the kills hit"


# --- the disk -------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Device]:
    """This machine, with edgetool's folder as a file system of its own, of 8 MB."""
    needs.require_root("to mount a small disk")
    root = tmp_path / "disk"
    root.mkdir()
    mount("-t", "tmpfs", "-o", "size=8m", "edgetool-test", root)
    yield Device("board", "host", backend="local", root=str(root))
    subprocess.run(["umount", "-l", str(root)], check=True, capture_output=True)


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


def fill(root: Path, left: int) -> None:
    """Leave so many bytes of room, by a file that takes the rest."""
    room = os.statvfs(root)
    (root / "filler").write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - left)))


def test_a_disk_that_fills_up_at_any_byte_keeps_the_old_release(
    small: Path, small_disk: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room is checked before anything is sent; here it is gone after that check."""
    monkeypatch.setattr("edgetool.deployment.judge.refuse_full_disk", lambda *_: None)
    root, full = Path(small_disk.root), 0
    before = with_weights(small, tmp_path / "first", 999, WEIGHTS_BYTES).sha256
    deploy(Artifact.open(tmp_path / "first"), small_disk)
    for seed in range(POINTS):
        artifact = with_weights(small, tmp_path / f"{seed}", seed, WEIGHTS_BYTES)
        fill(root, random.Random(seed).randrange(int(1.2 * WEIGHTS_BYTES)))
        try:
            deploy(artifact, small_disk)
        except NoSpaceError:
            full += 1
            assert current(root) == before
        assert_sound(root)
        (root / "filler").unlink()
        deploy(artifact, small_disk)
        assert current(root) == artifact.sha256
        assert_sound(root)
        shutil.rmtree(root / "store" / before)
        before = artifact.sha256
    assert full >= POINTS // 2, "the disk was full"


def test_a_full_disk_is_refused_before_anything_is_sent(
    small: Path, small_disk: Device, tmp_path: Path
) -> None:
    big = with_weights(small, tmp_path / "big", 1, 9_000_000)
    with pytest.raises(NoSpaceError, match="no space left on 'board'") as caught:
        deploy(big, small_disk)
    assert "bytes are needed" in str(caught.value)
    assert not (Path(small_disk.root) / "store").exists()


def test_a_read_only_disk_is_named(small: Path, small_disk: Device, tmp_path: Path) -> None:
    root = Path(small_disk.root)
    first = with_weights(small, tmp_path / "first", 999, 1000)
    deploy(first, small_disk)
    mount("-o", "remount,ro", root)
    with pytest.raises(NotPermittedError, match="ead-only"):
        deploy(with_weights(small, tmp_path / "second", 1, 1000), small_disk)
    assert current(root) == first.sha256
    assert_sound(root)


def test_a_folder_of_somebody_else_is_named(small: Path, tmp_path: Path) -> None:
    needs.require_ssh_server()
    with SshServer(tmp_path / "server", unprivileged=True) as server:
        (server.home / ".edgetool").mkdir()
        (server.home / ".edgetool").chmod(0o500)
        if os.access(server.home / ".edgetool", os.W_OK) and os.geteuid() != 0:
            pytest.fail("the folder can be written to")
        with pytest.raises(NotPermittedError, match="permi"):
            deploy(Artifact.open(small), device_of(server))
        (server.home / ".edgetool").chmod(0o700)
        assert deploy(Artifact.open(small), device_of(server)).state == "deployed"


# --- several hosts --------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [True, False], ids=["same", "different"])
def test_two_hosts_that_deploy_at_once_both_succeed(
    same: bool, small: Path, ssh_server: SshServer, tmp_path: Path
) -> None:
    device = device_of(ssh_server)
    for round_ in range(4):
        seeds = [10 * round_, 10 * round_ + (0 if same else 1)]
        made = [
            with_weights(small, tmp_path / f"{round_}-{n}", seed, WEIGHTS_BYTES)
            for n, seed in enumerate(seeds)
        ]
        with ThreadPoolExecutor(2) as hosts:
            done = list(hosts.map(lambda artifact: deploy(artifact, device), made))
        assert {each.state for each in done} <= {"deployed", "already there"}
        assert current(root_of(ssh_server)) in {artifact.sha256 for artifact in made}
        assert_sound(root_of(ssh_server))
        for artifact in made:
            assert (root_of(ssh_server) / "store" / artifact.sha256).is_dir()
    assert list((root_of(ssh_server) / "incoming").iterdir()) == []


def test_several_hosts_pass_a_server_that_drops_most_of_who_comes(
    small: Path, tmp_path: Path
) -> None:
    """MaxStartups: two may be on their way in, others are hung up on."""
    needs.require_ssh_server()
    options = {"MaxStartups": "2:100:2"}
    made = [with_weights(small, tmp_path / f"{n}", n, 1000) for n in range(6)]
    with SshServer(tmp_path / "server", options=options) as server:
        with ThreadPoolExecutor(len(made)) as hosts:
            done = list(hosts.map(lambda artifact: deploy(artifact, device_of(server)), made))
        assert "MaxStartups" in server.log
        assert {each.state for each in done} == {"deployed"}
        assert_sound(root_of(server))
        stored = {path.name for path in (root_of(server) / "store").iterdir()}
        assert stored == {artifact.sha256 for artifact in made}


# --- the device's software ------------------------------------------------------------------------


def as_python(server: SshServer, text: str) -> None:
    """What the device runs for python3 from now on."""
    command = server.commands / "python3"
    command.write_text(text)
    command.chmod(0o755)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[SshServer]:
    needs.require_ssh_server()
    with SshServer(tmp_path / "own-server") as server:
        yield server


def test_a_device_without_python_is_named_and_nothing_is_written(
    small: Path, own_server: SshServer
) -> None:
    as_python(own_server, "#!/bin/sh\nexit 127\n")
    with pytest.raises(NoPythonError, match="has no python3") as caught:
        deploy(Artifact.open(small), device_of(own_server))
    assert caught.value.hints
    assert list(own_server.home.iterdir()) == []


@pytest.mark.parametrize("machine", ["armv7l", "x86_64", "riscv64"])
def test_a_device_of_another_architecture_gets_nothing(
    machine: str, tmp_path: Path, own_server: SshServer
) -> None:
    made = compile_model(CompileRequest(MODEL, "raspberry-pi-4", output=tmp_path / "pi")).folder
    says_another(own_server, "machine", machine)
    with pytest.raises(DeviceError, match=f"'board' is {machine}") as caught:
        deploy(Artifact.open(made), device_of(own_server))
    assert any("edgetool compile" in hint for hint in caught.value.hints)
    assert not (root_of(own_server) / "store").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("incoming", "../../elsewhere"),
        ("incoming", "/tmp/elsewhere"),
        ("incoming", "incoming/../../../elsewhere.0"),
        ("incoming", "incoming/$(touch elsewhere).0"),
        ("lacks", ["../../../elsewhere"]),
        ("current", "../../elsewhere"),
        ("machine", "x86_64\u001b[2J"),
    ],
)
def test_a_hostile_devices_names_lead_nowhere(
    key: str, value: object, small: Path, own_server: SshServer
) -> None:
    """Its agent is ours but for one answer."""
    says_another(own_server, key, value)
    with pytest.raises(ProtocolError, match="never does") as caught:
        deploy(Artifact.open(small), device_of(own_server))
    assert str(caught.value).replace("\n", "").isprintable()
    assert [path.name for path in own_server.home.iterdir()] == [".edgetool"]
    assert not (root_of(own_server) / "store").exists()
    assert not list(root_of(own_server).rglob("*elsewhere*"))


def says_another(server: SshServer, key: str, value: object) -> None:
    """The device's agent answers preflight with another value for a key."""
    as_python(server, LIAR.format(python=shutil.which("python3"), key=key, value=value))


LIAR = """\
#!{python}
import runpy
import sys

sys.argv = sys.argv[2:]
sys.path.insert(0, sys.argv[0])
import releases
import registry

def preflight(*arguments, **named):
    return dict(releases.preflight(*arguments, **named), **{{{key!r}: {value!r}}})

registry.verb = lambda name, verb=registry.verb: preflight if name == "preflight" else verb(name)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


# --- the network ----------------------------------------------------------------------------------


def test_an_unreachable_device_says_so(small: Path, ssh_server: SshServer) -> None:
    with Link(ssh_server.port) as link:
        port = link.port
    with pytest.raises(EdgetoolError) as caught:
        deploy(Artifact.open(small), device_of(ssh_server, port=port))
    assert isinstance(caught.value, LinkError)
