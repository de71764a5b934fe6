"""What the tests over links share: each transport, with an empty home folder on the device."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs
from edgetool.transports.local import LocalTransport
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
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transport]:
    """A link of each kind to a device whose files are in `home`."""
    if request.param == "local":
        (tmp_path / "home").mkdir()
        link: Transport = LocalTransport(tmp_path / "home")
    else:
        link = SshTransport(request.getfixturevalue("ssh_server").endpoint())
    with link:
        yield link


@pytest.fixture
def home(transport: Transport, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The home folder of the device behind `transport`."""
    if isinstance(transport, LocalTransport):
        return tmp_path / "home"
    server: SshServer = request.getfixturevalue("ssh_server")
    return server.home
