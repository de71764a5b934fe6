"""What goes wrong with links: a clear error, or taken up again, and no file is ever half there."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import needs
from edgetool.errors import (
    AuthenticationError,
    DeviceError,
    HostKeyError,
    LinkError,
    NoSpaceError,
    NotPermittedError,
    UsageError,
)
from edgetool.transports import ssh_session
from edgetool.transports.endpoint import fingerprint
from edgetool.transports.ssh import SshTransport
from edgetool.transports.ssh_session import scan_host_keys
from edgetool.transports.transport import Transport
from link import Link
from ssh_server import SshServer, make_key

SIZE = 1_500_000
CUTS = 24
SEED = 20261130
over_every_link = pytest.mark.parametrize("backend", ["local", "ssh", "openssh"])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(random.Random(SEED).randbytes(SIZE))
    return path


@pytest.fixture
def link(ssh_server: SshServer) -> Iterator[Link]:
    with Link(ssh_server.port) as link:
        yield link


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    needs.require_ssh_server()
    return tmp_path / "own-server"


def another_key(tmp_path: Path, kind: str = "ed25519") -> str:
    make_key(tmp_path / f"another_{kind}", kind)
    return " ".join((tmp_path / f"another_{kind}.pub").read_text().split()[:2])


def test_uploads_that_are_cut_anywhere_go_on_and_are_never_wrong(
    ssh_server: SshServer, link: Link, source: Path
) -> None:
    content, old = source.read_bytes(), b"what was there before"
    generator = random.Random(SEED)
    for number in range(CUTS):
        target = ssh_server.home / f"file{number}"
        target.write_bytes(old)
        with SshTransport(ssh_server.endpoint(port=link.port)) as transport:
            link.cut_after(generator.randrange(1, SIZE + 6000))
            with pytest.raises(LinkError):
                transport.upload(source, target.name)
                transport.run(["true"])  # where the cut comes right after the upload
        assert target.read_bytes() in (old, content)
        link.heal()
        with SshTransport(ssh_server.endpoint(port=link.port)) as transport:
            transport.upload(source, target.name)
        assert target.read_bytes() == content
    assert sorted(path.name for path in ssh_server.home.iterdir()) == sorted(
        f"file{number}" for number in range(CUTS)
    )


def test_what_arrived_before_a_cut_is_not_sent_again(
    ssh_server: SshServer, link: Link, source: Path
) -> None:
    def wait_until_written(done: int, total: int, name: str) -> None:
        deadline = time.monotonic() + 3.0  # the last piece is cut
        while sum(path.stat().st_size for path in ssh_server.home.iterdir()) < done:
            if time.monotonic() > deadline:
                break
            time.sleep(0.001)

    with SshTransport(ssh_server.endpoint(port=link.port)) as transport:
        link.cut_after(1_100_000)
        with pytest.raises(LinkError):
            transport.upload(source, "file", progress=wait_until_written)
    link.heal()
    with SshTransport(ssh_server.endpoint(port=link.port)) as transport:
        moved = transport.upload(source, "file").moved_bytes
    assert moved <= SIZE - 900_000


def test_a_link_that_swallows_everything_is_noticed(
    ssh_server: SshServer, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_session, "KEEPALIVE_S", 0.1)
    monkeypatch.setattr(ssh_session, "DEAD_AFTER_S", 1.0)
    endpoint = ssh_server.endpoint(port=link.port)
    with SshTransport(endpoint) as transport, transport.start(["cat"]) as channel:
        channel.send(b"hello\n")
        assert channel.read_line(20.0) == b"hello\n"
        link.blackhole()
        with pytest.raises(LinkError, match="lost the link"):
            channel.read_line(300.0)


def test_a_connection_that_is_reset_ends_a_command(ssh_server: SshServer, link: Link) -> None:
    with SshTransport(ssh_server.endpoint(port=link.port)) as transport:
        with transport.start(["cat"]) as channel:
            channel.send(b"x\n")
            assert channel.read_line(20.0) == b"x\n"
            link.reset()
            with pytest.raises(LinkError):
                channel.read_line(60.0)
        with pytest.raises(LinkError):
            transport.run(["true"])


def test_a_server_that_dies_ends_a_command(folder: Path) -> None:
    with SshServer(folder) as server, SshTransport(server.endpoint()) as transport:
        threading.Timer(0.3, server.end_sessions).start()
        with pytest.raises(LinkError):
            transport.run(["sleep", "60"], timeout_s=50.0)


def test_another_host_key_than_the_pinned_one_ends_it_before_anything_is_told(
    folder: Path, tmp_path: Path
) -> None:
    pinned = another_key(tmp_path)
    with SshServer(folder) as server:
        with pytest.raises(HostKeyError, match="another host key") as caught:
            SshTransport(server.endpoint(host_keys=(pinned,)))
        assert "userauth" not in server.log.lower()
        assert "accepted" not in server.log.lower()
    for key in (pinned, server.host_key):
        assert fingerprint(key) in str(caught.value)


def test_a_server_without_a_key_of_the_pinned_type_is_another_server(
    ssh_server: SshServer, tmp_path: Path
) -> None:
    pinned = another_key(tmp_path, "ecdsa")
    with pytest.raises(HostKeyError, match="no host key of a type"):
        SshTransport(ssh_server.endpoint(host_keys=(pinned,)))


def test_nothing_is_connected_to_without_a_pinned_key(ssh_server: SshServer) -> None:
    with pytest.raises(HostKeyError, match="no host key of"):
        SshTransport(ssh_server.endpoint(host_keys=()))


def test_host_keys_are_scanned_without_logging_in(folder: Path) -> None:
    with SshServer(folder) as server:
        shown = scan_host_keys(server.endpoint(host_keys=(), identity_files=()))
        assert shown == (server.host_key,)
        assert "Accepted" not in server.log


def test_a_key_that_is_not_let_in_is_named(ssh_server: SshServer, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    keys = (tmp_path / "stranger", tmp_path / "nothing")
    with pytest.raises(AuthenticationError, match="does not let") as caught:
        SshTransport(ssh_server.endpoint(identity_files=keys))
    assert f"{tmp_path}/stranger: refused" in str(caught.value)
    assert f"{tmp_path}/nothing: there is no such file" in str(caught.value)


def test_a_key_with_a_passphrase_is_named(ssh_server: SshServer, tmp_path: Path) -> None:
    key = tmp_path / "locked"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(key)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with pytest.raises(AuthenticationError) as caught:
        SshTransport(ssh_server.endpoint(identity_files=(key,)))
    assert "has a passphrase" in str(caught.value)


def test_too_many_keys_are_told_from_a_refusal(folder: Path, tmp_path: Path) -> None:
    keys = tuple(tmp_path / f"key{number}" for number in range(4))
    for key in keys:
        make_key(key)
    options = {"MaxAuthTries": "2"}
    with SshServer(folder, options=options) as server, pytest.raises(DeviceError) as caught:
        SshTransport(server.endpoint(identity_files=keys))
    assert isinstance(caught.value, AuthenticationError | LinkError)
    assert f"{keys[0]}: refused" in str(caught.value)


def test_a_port_where_nothing_listens_is_told_at_once(ssh_server: SshServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(LinkError, match="takes no connections"):
            SshTransport(ssh_server.endpoint(port=taken.getsockname()[1]))


def test_a_port_that_stays_silent_is_given_up(ssh_server: SshServer) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        endpoint = ssh_server.endpoint(port=silent.getsockname()[1], connect_timeout_s=0.5)
        with pytest.raises(LinkError, match="said nothing"):
            SshTransport(endpoint)


def hog(server: SshServer) -> socket.socket:
    """A connection that counts as one that has not logged in."""
    while True:
        connection = socket.create_connection((server.host, server.port))
        if connection.recv(4) == b"SSH-":
            return connection
        connection.close()


def test_a_server_that_drops_who_comes_is_tried_again(folder: Path) -> None:
    with SshServer(folder, options={"MaxStartups": "1:100:1"}) as server:
        connection = hog(server)
        leaving = threading.Timer(0.6, connection.close)
        leaving.start()
        with SshTransport(server.endpoint()) as transport:
            assert transport.run(["echo", "in"]).text == "in"
        leaving.join()
        assert "MaxStartups" in server.log


def test_twenty_links_at_once_pass_a_server_with_its_usual_limits(folder: Path) -> None:
    def greet(number: int) -> str:
        with SshTransport(server.endpoint()) as transport:
            return transport.run(["echo", str(number)]).text

    options = {"MaxStartups": "10:30:100"}
    with SshServer(folder, options=options) as server, ThreadPoolExecutor(20) as pool:
        assert list(pool.map(greet, range(20))) == [str(number) for number in range(20)]


def test_more_channels_than_the_server_allows_wait_for_one_to_end(folder: Path) -> None:
    with (
        SshServer(folder, options={"MaxSessions": "2"}) as server,
        SshTransport(server.endpoint()) as transport,
        ThreadPoolExecutor(6) as pool,
    ):
        answers = pool.map(lambda n: transport.run(["echo", str(n)]).text, range(12))
        assert list(answers) == [str(number) for number in range(12)]


@over_every_link
def test_hosts_that_upload_one_target_at_once_leave_a_whole_file(
    transport: Transport, home: Path, source: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(random.Random(1).randbytes(SIZE))
    sources = [source, source, other, source, other, other]
    for _ in range(4):
        with ThreadPoolExecutor(len(sources)) as pool:
            list(pool.map(lambda path: transport.upload(path, "file"), sources))
        assert (home / "file").read_bytes() in (source.read_bytes(), other.read_bytes())
    assert [path.name for path in home.iterdir()] == ["file"]


@over_every_link
def test_a_source_that_changes_while_it_is_sent_is_noticed(
    transport: Transport, home: Path, source: Path
) -> None:
    def change(done: int, total: int, name: str) -> None:
        if done:
            with source.open("r+b") as stream:
                stream.write(b"changed")

    (home / "file").write_bytes(b"old")
    with pytest.raises(UsageError, match="changed while it was sent"):
        transport.upload(source, "file", progress=change)
    assert (home / "file").read_bytes() == b"old"


def test_files_that_may_not_be_written_or_read_are_told_as_such(
    folder: Path, source: Path, tmp_path: Path
) -> None:
    if os.geteuid() == 0:
        needs.require_tool("setpriv", "apt install util-linux")
    with (
        SshServer(folder, unprivileged=True) as server,
        SshTransport(server.endpoint()) as transport,
    ):
        (server.home / "shut").mkdir(mode=0o500)
        (server.home / "secret").write_text("x")
        (server.home / "secret").chmod(0)
        with pytest.raises(NotPermittedError, match="no permission"):
            transport.upload(source, "shut/file")
        with pytest.raises(NotPermittedError, match="no permission"):
            transport.upload(source, "shut/new/file")
        with pytest.raises(NotPermittedError, match="no permission"):
            transport.download("secret", tmp_path / "back", limit_bytes=10)


@pytest.fixture
def disk(home: Path) -> Iterator[Path]:
    """A file system of 1 MiB in the home folder."""
    path = home / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@over_every_link
def test_a_file_larger_than_the_free_space_is_refused_before_it_is_sent(
    transport: Transport, disk: Path, source: Path
) -> None:
    told: list[int] = []
    with pytest.raises(NoSpaceError, match="the disk is full") as caught:
        transport.upload(source, "disk/file", progress=lambda done, *_: told.append(done))
    assert "KiB are free" in str(caught.value)
    assert not told
    assert list(disk.iterdir()) == []


@over_every_link
def test_a_disk_that_fills_up_meanwhile_is_told_and_given_back(
    transport: Transport, disk: Path, source: Path
) -> None:
    half = source.with_name("half")
    half.write_bytes(source.read_bytes()[: 900 * 1024])

    def fill(done: int, total: int, name: str) -> None:
        if done and not (disk / "filler").exists():
            (disk / "filler").write_bytes(bytes(200 * 1024))

    (disk / "file").write_bytes(b"old")
    with pytest.raises(NoSpaceError, match="the disk is full"):
        transport.upload(half, "disk/file", progress=fill)
    assert sorted(path.name for path in disk.iterdir()) == ["file", "filler"]
    assert (disk / "file").read_bytes() == b"old"


@over_every_link
def test_a_read_only_file_system_is_told_as_such(
    transport: Transport, disk: Path, source: Path
) -> None:
    source.write_bytes(b"small")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(NotPermittedError, match="read-only"):
        transport.upload(source, "disk/file")


LIES = {
    "more than it announced": ("head", "exec cat /dev/zero"),
    "less than it announced": ("head", "printf x"),
    "nothing": ("head", "exit 0"),
    "a size beyond all": ("wc", "cat >/dev/null; echo 99999999999999"),
    "a size below zero": ("wc", "cat >/dev/null; echo -5"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_device_that_lies_about_a_file_gets_nothing_written(
    folder: Path, tmp_path: Path, lie: str
) -> None:
    command, does = LIES[lie]
    with SshServer(folder) as server, SshTransport(server.endpoint()) as transport:
        (server.home / "file").write_bytes(bytes(100_000))
        (server.commands / command).write_text(f"#!/bin/sh\n{does}\n")
        (server.commands / command).chmod(0o755)
        with pytest.raises(DeviceError):
            transport.download("file", tmp_path / "back", limit_bytes=200_000)
    shutil.rmtree(folder)
    assert list(tmp_path.iterdir()) == []
