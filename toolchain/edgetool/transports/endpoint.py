"""Where a device is and how it is let in: what every SSH transport takes."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import HostKeyError, UsageError

PORT = 22
PORT_MAX = 65_535
CONNECT_TIMEOUT_S = 15.0

# Neither an option nor anything that a shell or a pattern of ssh_config would read.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9._-]{1,15})?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,62}\$?")


@dataclass(frozen=True)
class Endpoint:
    """An SSH server and what may be used to enter it.

    host_keys: those it may show, each "ssh-ed25519 AAAA…" as in known_hosts; no other is taken.
    identity_files: private keys, tried in this order.   identities_only: no other than these;
    else the agent's keys come first and the usual files last.
    jumps: servers on the way, the nearest first.   proxy_command: a command that reaches host and
    port, in place of jumps; it must come from the user's own ssh_config and nowhere else.
    alias: what the user calls the host in ssh_config.   config_file: that file where it is not the
    usual one.
    Raises: UsageError for a host, user or port that cannot be.
    """

    host: str
    user: str
    port: int = PORT
    host_keys: tuple[str, ...] = ()
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    jumps: tuple[Endpoint, ...] = ()
    proxy_command: str | None = None
    alias: str | None = None
    config_file: Path | None = None
    connect_timeout_s: float = CONNECT_TIMEOUT_S

    def __post_init__(self) -> None:
        check_host(self.host)
        check_user(self.user)
        if not 1 <= self.port <= PORT_MAX:
            raise UsageError(f"{self.port} is not a port: 1 to {PORT_MAX}")
        if self.jumps and self.proxy_command:
            raise UsageError(f"{self.where} has both a ProxyJump and a ProxyCommand")

    @property
    def where(self) -> str:
        """For people: "pi@pi5.example:2222"."""
        host = self.alias or self.host
        host = f"[{host}]" if ":" in host else host
        login = f"{self.user}@{host}"
        return login if self.port == PORT else f"{login}:{self.port}"


def check_host(host: str) -> None:
    """Raises: UsageError for what is no host name or address, such as an option of ssh's."""
    if not _HOST.fullmatch(host):
        raise UsageError(f"{host!r} is no host name or address")


def check_user(user: str) -> None:
    """Raises: UsageError for what is no user name."""
    if not _USER.fullmatch(user):
        raise UsageError(f"{user!r} is no user name")


def fingerprint(host_key: str) -> str:
    """Of a key "ssh-ed25519 AAAA…", as OpenSSH shows it: "SHA256:…"."""
    digest = hashlib.sha256(key_bytes(host_key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def key_bytes(host_key: str) -> bytes:
    """A key's content. Raises: HostKeyError for what is no key."""
    words = host_key.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, ValueError) as error:
        raise HostKeyError(f"{host_key!r} is not a host key: a type and its base64") from error
    if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != words[0].encode():
        raise HostKeyError(f"{host_key!r} is not a host key of the type that it names")
    return blob
