"""What the tests over links share: each transport, with an empty home folder on the device."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs
from board_processes import kill, processes_in
from edgetool.transports.local import LocalTransport
from edgetool.transports.openssh import OpenSshTransport
from edgetool.transports.ssh import SshTransport
from edgetool.transports.transport import Transport
from ssh_server import SshServer


@pytest.fixture(scope="package")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A server that no test breaks; use `ssh_server`, whose home is empty."""
    needs.require_ssh_server()
    with SshServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def ssh_server(shared_server: SshServer) -> SshServer:
    """An OpenSSH server of this test run, with nothing in its home folder."""
    for path in shared_server.home.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return shared_server


@pytest.fixture(params=["local", "ssh"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of `transport`; a test for some only: parametrize("backend", ["local"])."""
    return str(request.param)


@pytest.fixture
def home(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The device's home folder; what a test left running there is ended after it."""
    if backend == "local":
        folder = tmp_path / "home"
        folder.mkdir()
    else:
        folder = request.getfixturevalue("ssh_server").home
    yield folder
    kill(processes_in(folder))


@pytest.fixture
def transport(backend: str, home: Path, request: pytest.FixtureRequest) -> Iterator[Transport]:
    """A link of each kind to a device whose files are in `home`."""
    if backend == "local":
        link: Transport = LocalTransport(home)
    elif backend == "openssh":
        link = OpenSshTransport(request.getfixturevalue("ssh_server").endpoint(config_file="none"))
    else:
        link = SshTransport(request.getfixturevalue("ssh_server").endpoint())
    with link:
        yield link
