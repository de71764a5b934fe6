"""ssh_config as OpenSSH reads it, and what of it is never taken from elsewhere."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import needs
from edgetool.errors import HostKeyError, UsageError
from edgetool.transports.ssh import SshTransport
from edgetool.transports.ssh_config import Login, resolve
from ssh_server import HOW_TO_INSTALL, SshServer


@pytest.fixture
def config(tmp_path: Path) -> Path:
    needs.require_tool("ssh", HOW_TO_INSTALL)
    return tmp_path / "config"


def test_names_users_ports_and_keys_come_from_ssh_config(config: Path, tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    config.write_text(
        "Host kitchen\n HostName pi5.example\n User pi\n Port 2222\n"
        f" IdentityFile {tmp_path}/key\n IdentityFile {tmp_path}/nothing\n IdentitiesOnly yes\n"
    )
    endpoint = resolve(Login("kitchen", config_file=config), ["ssh-ed25519 AAAA"])
    assert (endpoint.host, endpoint.user, endpoint.port) == ("pi5.example", "pi", 2222)
    assert endpoint.identity_files == (tmp_path / "key",)
    assert endpoint.identities_only
    assert endpoint.host_keys == ("ssh-ed25519 AAAA",)
    assert endpoint.where == "pi@kitchen:2222"


def test_what_the_user_names_goes_before_ssh_config(config: Path, tmp_path: Path) -> None:
    config.write_text("Host *\n User other\n Port 1\n")
    login = Login("pi5.example", "pi", 2222, tmp_path / "mine", config)
    endpoint = resolve(login)
    assert (endpoint.user, endpoint.port) == ("pi", 2222)
    assert endpoint.identity_files[0] == tmp_path / "mine"


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "-F/x", "a b", "a;b", "$(x)", "", "a\nb"])
def test_a_host_that_is_none_never_reaches_ssh(config: Path, host: str) -> None:
    config.write_text("")
    with pytest.raises(UsageError, match="is no host name"):
        resolve(Login(host, config_file=config))


@pytest.mark.parametrize("user", ["-oProxyCommand=x", "a b", "a;b", "`x`"])
def test_a_user_that_is_none_never_reaches_ssh(config: Path, user: str) -> None:
    config.write_text("")
    with pytest.raises(UsageError, match="is no user name"):
        resolve(Login("host", user, config_file=config))


def test_a_mistake_in_ssh_config_is_told_in_openssh_words(config: Path) -> None:
    config.write_text("Nonsense yes\n")
    with pytest.raises(UsageError, match="does not read its settings") as caught:
        resolve(Login("host", config_file=config))
    assert "nonsense" in str(caught.value).lower()


def test_a_token_that_cannot_be_filled_in_is_refused(config: Path) -> None:
    config.write_text("Host x\n ProxyCommand nc %C %p\n")
    with pytest.raises(UsageError, match="%C"):
        resolve(Login("x", config_file=config))


def test_a_jump_host_that_nobody_has_seen_is_refused(config: Path, tmp_path: Path) -> None:
    config.write_text(
        f"Host board\n ProxyJump gate\nHost *\n UserKnownHostsFile {tmp_path}/none\n"
        f" GlobalKnownHostsFile {tmp_path}/none\n"
    )
    with pytest.raises(HostKeyError, match="jump host"):
        resolve(Login("board", config_file=config))


def test_jump_hosts_that_jump_to_each_other_are_refused(config: Path, tmp_path: Path) -> None:
    config.write_text("Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
    with pytest.raises(UsageError, match="more than 8 jump hosts"):
        resolve(Login("a", config_file=config))


def test_a_device_is_reached_through_a_jump_host(
    config: Path, tmp_path: Path, ssh_server: SshServer
) -> None:
    known, user = tmp_path / "known", ssh_server.user
    known.write_text(f"[127.0.0.1]:{ssh_server.port} {ssh_server.host_key}\n")
    config.write_text(
        f"Host gate board\n HostName 127.0.0.1\n Port {ssh_server.port}\n User {user}\n"
        f" IdentityFile {ssh_server.identity}\n IdentitiesOnly yes\n UserKnownHostsFile {known}\n"
        "Host board\n ProxyJump gate\n"
    )
    endpoint = resolve(Login("board", config_file=config), [ssh_server.host_key])
    assert [jump.port for jump in endpoint.jumps] == [ssh_server.port]
    with SshTransport(endpoint) as transport:
        assert transport.run(["echo", "there"]).text == "there"


def test_a_device_is_reached_through_a_proxy_command(
    config: Path, tmp_path: Path, ssh_server: SshServer
) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY)
    python = needs.require_tool("python3", "apt install python3")
    config.write_text(
        f"Host board\n HostName 127.0.0.1\n Port {ssh_server.port}\n User {ssh_server.user}\n"
        f" IdentityFile {ssh_server.identity}\n IdentitiesOnly yes\n"
        f" ProxyCommand {shlex.join([str(python), str(relay)])} %h %p\n"
    )
    endpoint = resolve(Login("board", config_file=config), [ssh_server.host_key])
    with SshTransport(endpoint) as transport:
        assert transport.run(["echo", "there"]).text == "there"


RELAY = """
import socket, sys, threading, os
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def down():
    while data := link.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=down, daemon=True).start()
while data := os.read(0, 65536):
    link.sendall(data)
"""
