"""Enrolling a device behind a real sshd: its key is pinned, a login tried, or nothing kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.cli import main
from edgetool.devices import connect, find_device, fingerprint, list_devices
from edgetool.devices.device import Backend
from edgetool.devices.enrolment import Ask, Enrolment, enrol
from edgetool.errors import (
    AuthenticationError,
    EdgetoolError,
    HostKeyError,
    LinkError,
    OutputExistsError,
    UsageError,
)
from edgetool.transports.openssh import OpenSshTransport
from edgetool.transports.ssh import SshTransport
from edgetool.transports.transport import Transport
from ssh_server import SshServer, make_key

WRONG = "SHA256:" + "A" * 43


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGETOOL_DEVICES", str(tmp_path / "devices"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def board(ssh_server: SshServer) -> Iterator[Enrolment]:
    """The server as a user would enrol it from a script."""
    yield Enrolment(
        "board",
        "host",
        f"{ssh_server.user}@{ssh_server.host}:{ssh_server.port}",
        host_key=fingerprint(ssh_server.host_key),
        identity=ssh_server.identity,
    )


@pytest.mark.parametrize(
    ("backend", "transport"), [("paramiko", SshTransport), ("openssh", OpenSshTransport)]
)
def test_a_device_is_enrolled_by_its_fingerprint_and_can_be_used(
    backend: Backend, transport: type[Transport], board: Enrolment, ssh_server: SshServer
) -> None:
    device = enrol(replace(board, backend=backend))
    assert device.host_keys == (ssh_server.host_key,)
    assert find_device("board") == device
    with connect(device) as link:
        assert isinstance(link, transport)
        assert link.run(["echo", "it works"]).text == "it works"


def test_a_user_is_shown_the_fingerprint_and_says_yes_or_no(
    board: Enrolment, ssh_server: SshServer
) -> None:
    shown: list[str] = []

    def answer(accepted: bool) -> Ask:
        return lambda where, key: shown.append(key) is None and accepted

    asked = replace(board, host_key=None)
    with pytest.raises(HostKeyError, match="was not enrolled"):
        enrol(asked, answer(False))
    assert list_devices() == []
    enrol(asked, answer(True))
    assert shown == [f"ssh-ed25519 {fingerprint(ssh_server.host_key)}"] * 2


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"host_key": None}, UsageError, "then add --host-key SHA256:"),
        ({"host_key": WRONG}, HostKeyError, "it shows: ssh-ed25519 SHA256:"),
        ({"target": "no-such-board"}, UsageError, "target 'no-such-board' not found"),
        ({"target": "cortex-m4"}, UsageError, "a microcontroller"),
        ({"login": "nobody@-oProxyCommand=x"}, UsageError, "no host name or address"),
        ({"login": "a@b@c"}, UsageError, "is not USER@HOST[:PORT]"),
        ({"login": "pi@fe80::1"}, UsageError, "[fe80::1]"),
        ({"login": "pi@127.0.0.1:9"}, LinkError, "127.0.0.1"),
        ({"identity": Path("/nowhere/key")}, UsageError, "'/nowhere/key' is no file"),
        ({"name": "../x"}, UsageError, "small letters"),
        ({"root": "../x"}, UsageError, "root"),
    ],
)
def test_what_cannot_be_enrolled_is_said_and_not_kept(
    changes: dict[str, object], kind: type[EdgetoolError], said: str, board: Enrolment
) -> None:
    with pytest.raises(kind) as caught:
        enrol(replace(board, **changes))  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert list_devices() == []


def test_a_device_that_does_not_let_the_user_in_is_not_kept(
    board: Enrolment, tmp_path: Path
) -> None:
    make_key(tmp_path / "other")
    with pytest.raises(AuthenticationError, match="does not let"):
        enrol(replace(board, identity=tmp_path / "other"))
    assert list_devices() == []


def test_a_name_that_is_taken_needs_force(board: Enrolment) -> None:
    enrol(board)
    with pytest.raises(OutputExistsError):
        enrol(board)
    assert enrol(replace(board, force=True)) == find_device("board")


def test_another_host_key_than_the_pinned_one_stops_everything(
    board: Enrolment, tmp_path: Path
) -> None:
    with SshServer(tmp_path / "first") as first:
        login = f"{first.user}@{first.host}:{first.port}"
        key = fingerprint(first.host_key)
        device = enrol(replace(board, login=login, host_key=key, identity=first.identity))
    with SshServer(tmp_path / "second", port=first.port), pytest.raises(HostKeyError):
        connect(device)


def test_enrolling_from_a_script_checks_deploys_and_lists(
    board: Enrolment, ssh_server: SshServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["devices", "add", "board", str(board.login), "--target", "host", "--host-key",
             str(board.host_key), "--identity", str(board.identity), "--json"]  # fmt: skip
    assert run(words, capsys)["fingerprints"] == [board.host_key]
    assert run(["devices", "check", "board", "--json"], capsys)["holds"] is True
    listed = run(["deployments", "list", "--device", "board", "--json"], capsys)
    assert len(listed["keys"]) == 1, "the user's key is trusted from the start"
    assert (ssh_server.home / ".edgetool" / "trust" / "allowed_signers").is_file()


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    content: dict[str, object] = json.loads(out)
    return content
