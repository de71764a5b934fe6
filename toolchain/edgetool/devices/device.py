"""A device as its user enrolled it, and what a record of one must keep to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from edgetool.errors import UsageError
from edgetool.packs.checks import Problem
from edgetool.packs.finding import is_id

Backend = Literal["paramiko", "openssh", "local"]
BACKENDS: tuple[str, ...] = get_args(Backend)
DEFAULT_ROOT = ".edgetool"
PORT_MAX = 65_535

# What may stand in a command line of ssh's without being taken for an option or a pattern.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|[0-9A-Fa-f:]{2,39}(%[A-Za-z0-9._-]{1,15})?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,62}\$?")
_ROOT = re.compile(r"/?[A-Za-z0-9._-][A-Za-z0-9._/ -]{0,254}")


@dataclass(frozen=True)
class Device:
    """A Linux board, or this machine, that edgetool may deploy to and measure on.

    target: the name of its description, or the absolute path of one.
    host, user, port: as given, so a host may be a name of the user's ssh_config, which also says
    the user and port that are None here.   identity: a private key's file; None: the agent's and
    the usual ones.
    host_keys: those it may show, each "ssh-ed25519 AAAA…", as in a known_hosts file.
    root: the folder on the device that edgetool keeps to, absolute or below the user's home.
    backend: what speaks to it; "local" is this machine without any link.
    """

    name: str
    target: str
    host: str = ""
    user: str | None = None
    port: int | None = None
    host_keys: tuple[str, ...] = ()
    root: str = DEFAULT_ROOT
    backend: Backend = "paramiko"
    identity: str | None = None

    @property
    def where(self) -> str:
        """For people: "pi@pi5.example:2222", or "this machine"."""
        if self.backend == "local":
            return "this machine"
        host = f"[{self.host}]" if ":" in self.host else self.host
        login = f"{self.user}@{host}" if self.user else host
        return f"{login}:{self.port}" if self.port else login

    def to_json(self) -> dict[str, Any]:
        """Every field that is known, and the fingerprints of the host keys."""
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        content = {key: value for key, value in known.items() if value not in (None, "")}
        content["host_keys"] = list(self.host_keys)
        content["fingerprints"] = [fingerprint(key) for key in self.host_keys]
        return content


def backend_named(name: str) -> Backend:
    """A backend by its name. Raises: UsageError."""
    for known in get_args(Backend):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"backend {name!r} is not known", hints=(f"one of: {', '.join(BACKENDS)}",))


def fingerprint(host_key: str) -> str:
    """As OpenSSH shows it: "SHA256:" and base64 without padding."""
    digest = hashlib.sha256(base64.b64decode(host_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def mistakes(device: Device) -> Iterator[Problem]:
    """(field, sentence) for each thing that no device can have."""
    if not is_id(device.name):
        yield "name", f"{device.name!r} is not small letters, digits, '.', '_' or '-' (at most 63)"
    if not device.target.isprintable() or not device.target:
        yield "target", f"{device.target!r} names no target"
    yield from _mistakes_of_paths(device)
    if device.backend == "local":
        yield from _surplus(device)
    else:
        yield from _mistakes_of_link(device)


def _mistakes_of_paths(device: Device) -> Iterator[Problem]:
    if not _ROOT.fullmatch(device.root) or ".." in device.root.split("/"):
        yield (
            "root",
            (
                f"{device.root!r} is not a folder's path of letters, digits, spaces and any of "
                "._-/ without '..': absolute, or below the home folder on the device"
            ),
        )
    if device.identity is not None and not device.identity.isprintable():
        yield "identity", f"{device.identity!r} has control characters"


def _surplus(device: Device) -> Iterator[Problem]:
    for key in ("host", "user", "port", "host_keys", "identity"):
        if getattr(device, key):
            yield key, 'is for a device behind a link, and backend is "local"'


def _mistakes_of_link(device: Device) -> Iterator[Problem]:
    if not _HOST.fullmatch(device.host):
        yield "host", f"{device.host!r} is no host name or address"
    if device.user is not None and not _USER.fullmatch(device.user):
        yield "user", f"{device.user!r} is no user name"
    if device.port is not None and not 1 <= device.port <= PORT_MAX:
        yield "port", f"{device.port} is not 1 to {PORT_MAX}"
    if not device.host_keys:
        yield "host_keys", "none is pinned: enrol the device again"
    for index, key in enumerate(device.host_keys):
        if not _is_host_key(key):
            yield f"host_keys[{index}]", f"{key!r} is not a key's type and its base64"


def _is_host_key(line: str) -> bool:
    """Whether it is "type base64" and the type is the one inside."""
    kind, _, encoded = line.partition(" ")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    length = int.from_bytes(blob[:4], "big")
    return bool(kind) and blob[4 : 4 + length] == kind.encode() and len(blob) > 4 + length
