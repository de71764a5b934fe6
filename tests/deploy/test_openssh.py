"""The link by OpenSSH's own client: what it refuses, what it notices, and what it leaves behind."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import needs
from edgetool.errors import AuthenticationError, HostKeyError, LinkError
from edgetool.transports.openssh import OpenSshTransport
from link import Link
from ssh_server import HOW_TO_INSTALL, SshServer, make_key

SIZE = 1_500_000
CUTS = 20
SEED = 20261130


@pytest.fixture
def link(ssh_server: SshServer) -> Iterator[Link]:
    needs.require_tool("ssh", HOW_TO_INSTALL)
    with Link(ssh_server.port) as link:
        yield link


def connect(server: SshServer, **changes: Any) -> OpenSshTransport:
    """Without this user's own ssh_config."""
    return OpenSshTransport(server.endpoint(config_file=Path("none"), **changes))


def test_uploads_that_are_cut_anywhere_go_on_and_are_never_wrong(
    ssh_server: SshServer, link: Link, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(random.Random(SEED).randbytes(SIZE))
    generator = random.Random(SEED)
    for number in range(CUTS):
        target = ssh_server.home / f"file{number}"
        target.write_bytes(b"old")
        with connect(ssh_server, port=link.port) as transport:
            link.cut_after(generator.randrange(1, SIZE + 6000))
            with pytest.raises(LinkError):
                transport.upload(source, target.name)
                transport.run(["true"])
        assert target.read_bytes() in (b"old", source.read_bytes())
        link.heal()
        with connect(ssh_server, port=link.port) as transport:
            transport.upload(source, target.name)
        assert target.read_bytes() == source.read_bytes()


def test_another_host_key_than_the_pinned_one_is_refused(
    ssh_server: SshServer, tmp_path: Path
) -> None:
    make_key(tmp_path / "another")
    pinned = " ".join((tmp_path / "another.pub").read_text().split()[:2])
    with pytest.raises(HostKeyError, match="another host key"):
        connect(ssh_server, host_keys=(pinned,))


def test_a_key_that_is_not_let_in_is_told(ssh_server: SshServer, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    with pytest.raises(AuthenticationError, match="does not let"):
        connect(ssh_server, identity_files=(tmp_path / "stranger",))


def test_a_port_where_nothing_listens_is_told(ssh_server: SshServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(LinkError, match="cannot reach") as caught:
            connect(ssh_server, port=taken.getsockname()[1])
    assert "refused" in str(caught.value)


def test_a_lost_connection_is_never_made_anew_behind_the_callers_back(
    ssh_server: SshServer, link: Link
) -> None:
    with connect(ssh_server, port=link.port) as transport:
        assert transport.run(["echo", "there"]).text == "there"
        threading.Timer(0.3, link.reset).start()
        with pytest.raises(LinkError):
            transport.run(["sleep", "60"], timeout_s=50.0)
        with pytest.raises(LinkError):
            transport.run(["true"])
    assert link.connections == 1


def test_many_channels_share_one_connection(ssh_server: SshServer, link: Link) -> None:
    with connect(ssh_server, port=link.port) as transport, ThreadPoolExecutor(20) as pool:
        answers = pool.map(lambda n: transport.run(["echo", str(n)]).text, range(20))
        assert list(answers) == [str(number) for number in range(20)]
    assert link.connections == 1


def test_closing_leaves_neither_a_client_nor_its_socket(ssh_server: SshServer) -> None:
    transport = connect(ssh_server)
    folder = transport._folder
    assert (folder / "socket").exists()
    transport.close()
    assert not folder.exists()
    assert transport._master._process.poll() is not None


def test_an_exit_code_that_the_client_uses_itself_is_told_apart(ssh_server: SshServer) -> None:
    with connect(ssh_server) as transport:
        assert transport.run(["sh", "-c", "exit 255"]).exit_code == 254
