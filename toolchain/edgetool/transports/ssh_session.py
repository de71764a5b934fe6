"""Open an SSH session with paramiko: the way there, its algorithms, host key, what goes wrong.

Only keys that are pinned are taken, only current algorithms are offered, every wait ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edgetool.errors import DeviceError, EdgetoolError, HostKeyError, LinkError, MissingToolError
from edgetool.transports.endpoint import Endpoint, fingerprint, key_bytes
from edgetool.transports.ssh_authentication import authenticate

if TYPE_CHECKING:
    import paramiko

# AES-GCM needs one pass over the data where others need two. No CBC, 3DES, MD5 or SHA-1.
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_RSA = "ssh-rsa"
WINDOW_BYTES = 4 * 1024 * 1024  # 200 MB/s at 20 ms
KEEPALIVE_S = 10.0
DEAD_AFTER_S = 30.0
# A server whose MaxStartups is reached drops who comes, at random: try again, spread out.
TRIES = 8
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 3.0
_DROPPED = ("banner", "maxstartups", "not allowed at this time")


@dataclass
class Session:
    """A session with an endpoint, and those with the jump hosts that carry it."""

    endpoint: Endpoint
    transport: paramiko.Transport
    below: Session | None = None
    process: subprocess.Popen[bytes] | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """From now on end the session when the server is silent for DEAD_AFTER_S.

        TCP alone does not notice a device that is gone behind a jump host.
        """
        threading.Thread(target=self._watch, name="ssh-watch", daemon=True).start()

    def _watch(self) -> None:
        while not self._over.wait(KEEPALIVE_S) and self.transport.is_active():
            answered = threading.Event()
            threading.Thread(target=self._ask, args=(answered,), daemon=True).start()
            if not answered.wait(DEAD_AFTER_S):
                self.transport.close()

    def _ask(self, answered: threading.Event) -> None:
        with contextlib.suppress(Exception):  # a session that has ended needs no answer
            self.transport.global_request("keepalive@openssh.com", wait=True)
        answered.set()

    def close(self) -> None:
        """Give everything up, the far end first; harmless when it is gone."""
        self._over.set()
        with contextlib.suppress(Exception):
            self.transport.close()
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5.0)
        if self.below is not None:
            self.below.close()


def open_session(endpoint: Endpoint) -> Session:
    """A session whose host key is one of those pinned and whose user has been let in.

    Raises: MissingToolError, LinkError, HostKeyError, AuthenticationError, DeviceError.
    """
    if not endpoint.host_keys:
        raise HostKeyError(
            f"no host key of {endpoint.where} is pinned", hints=("enrol the device again",)
        )
    session = greet(endpoint, accepted_types(endpoint))
    try:
        _check_host_key(session)
        authenticate(session.transport, endpoint)
    except BaseException:
        session.close()
        raise
    session.watch()
    return session


def greet(endpoint: Endpoint, key_types: tuple[str, ...]) -> Session:
    """A session in which keys were exchanged and nothing was checked: who uses it has to.

    Raises: MissingToolError, LinkError, DeviceError.
    """
    _require_paramiko()
    for number in range(TRIES):
        try:
            return _greet_once(endpoint, key_types)
        except _DroppedError as error:
            if number == TRIES - 1:
                raise error.told from error
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**number)
            time.sleep(pause_s * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable")


def accepted_types(endpoint: Endpoint) -> tuple[str, ...]:
    """The signature types that a pinned key can make, so that a server shows that very key."""
    kinds = {key.split()[0] for key in endpoint.host_keys}
    types = tuple(t for t in KEY_TYPES if t in kinds or (t.startswith("rsa-") and _RSA in kinds))
    if not types:
        raise HostKeyError(
            f"{endpoint.where} is pinned to keys of no use here: {', '.join(sorted(kinds))}",
            hints=("enrol it with an ssh-ed25519 key", "the OpenSSH backend"),
        )
    return types


class _DroppedError(Exception):
    """The server hung up before it said who it is.   told: what to tell if it goes on so."""

    def __init__(self, told: EdgetoolError) -> None:
        super().__init__(str(told))
        self.told = told


def _greet_once(endpoint: Endpoint, key_types: tuple[str, ...]) -> Session:
    import paramiko

    below, process, link = _reach(endpoint)
    try:
        transport = paramiko.Transport(link, default_window_size=WINDOW_BYTES)
    except Exception as error:
        raise _no_link(endpoint, error) from error
    session = Session(endpoint, transport, below, process)
    started = time.monotonic()
    try:
        _harden(transport, endpoint, key_types)
        transport.start_client(timeout=endpoint.connect_timeout_s)
        transport.get_remote_server_key()  # raises when there was no end to the negotiation
    except Exception as error:
        session.close()
        waited_s = time.monotonic() - started
        raise _no_greeting(endpoint, error, waited_s) from error
    except BaseException:
        session.close()
        raise
    return session


def _harden(transport: paramiko.Transport, endpoint: Endpoint, key_types: tuple[str, ...]) -> None:
    options = transport.get_security_options()
    options.ciphers = CIPHERS
    options.digests = MACS
    options.key_types = key_types
    transport.banner_timeout = endpoint.connect_timeout_s
    transport.handshake_timeout = endpoint.connect_timeout_s
    transport.auth_timeout = 2 * endpoint.connect_timeout_s
    transport.channel_timeout = DEAD_AFTER_S


def _check_host_key(session: Session) -> None:
    endpoint = session.endpoint
    key = session.transport.get_remote_server_key()
    if key.asbytes() in {key_bytes(pinned) for pinned in endpoint.host_keys}:
        return
    shown = f"{key.get_name()} {key.get_base64()}"
    raise HostKeyError(
        f"{endpoint.where} shows another host key than the one that was enrolled",
        details=(
            f"shown: {key.get_name()} {fingerprint(shown)}",
            *(f"enrolled: {k.split()[0]} {fingerprint(k)}" for k in endpoint.host_keys),
        ),
        hints=(
            "find out why: another machine at this address, or one that was installed anew",
            "if it is rightly so, enrol the device again",
        ),
    )


def _reach(
    endpoint: Endpoint,
) -> tuple[Session | None, subprocess.Popen[bytes] | None, paramiko.Channel | socket.socket]:
    """(session with the last jump host, process of a ProxyCommand, what bytes go through)."""
    if endpoint.jumps:
        below = open_session(replace(endpoint.jumps[-1], jumps=endpoint.jumps[:-1]))
        try:
            return below, None, _through(below, endpoint)
        except BaseException:
            below.close()
            raise
    if endpoint.proxy_command:
        process, link = _proxied(endpoint.proxy_command)
        return None, process, link
    return None, None, _connected(endpoint)


def _through(below: Session, endpoint: Endpoint) -> paramiko.Channel:
    try:
        return below.transport.open_channel(
            "direct-tcpip",
            (endpoint.host, endpoint.port),
            ("127.0.0.1", 0),
            timeout=endpoint.connect_timeout_s,
        )
    except Exception as error:  # paramiko raises whatever ended its thread
        raise LinkError(
            f"cannot reach {endpoint.where} through {below.endpoint.where}",
            details=(str(error) or type(error).__name__,),
            hints=("see whether the jump host reaches it and allows TCP forwarding",),
        ) from error


def _proxied(command: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """As OpenSSH runs it: by the user's shell, with the connection as its input and output."""
    ours, theirs = socket.socketpair()
    shell = os.environ.get("SHELL") or "/bin/sh"
    with theirs:
        process = subprocess.Popen(
            [shell, "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            start_new_session=True,
        )
    return process, ours


def _connected(endpoint: Endpoint) -> socket.socket:
    address = (endpoint.host, endpoint.port)
    try:
        link = socket.create_connection(address, timeout=endpoint.connect_timeout_s)
    except OSError as error:
        raise _unreachable(endpoint, error) from error
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":  # else data that nobody acknowledges are tried for 15 minutes
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(DEAD_AFTER_S * 1000))
    return link


def _unreachable(endpoint: Endpoint, error: OSError) -> LinkError:
    if isinstance(error, socket.gaierror):
        return LinkError(
            f"no address is known for '{endpoint.host}'",
            details=(str(error),),
            hints=("check the name's spelling", "the device's address in place of its name"),
        )
    if isinstance(error, ConnectionRefusedError):
        return LinkError(
            f"{endpoint.where} takes no connections on port {endpoint.port}",
            hints=("see whether sshd runs there", "another port"),
        )
    reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
    return LinkError(
        f"cannot reach {endpoint.where}",
        details=(reason,),
        hints=("see whether the device is up and in the same network",),
    )


def _no_link(endpoint: Endpoint, error: Exception) -> LinkError:
    return LinkError(f"lost the link to {endpoint.where} at once", details=(str(error),))


def _no_greeting(endpoint: Endpoint, error: Exception, waited_s: float) -> Exception:
    """What to raise for whatever ended paramiko's negotiation; _DroppedError to try again."""
    import paramiko

    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return _incompatible(endpoint, error)
    if waited_s >= 0.9 * endpoint.connect_timeout_s:
        return LinkError(
            f"{endpoint.where} took the connection and said nothing for {waited_s:.1f} s",
            hints=("see whether an SSH server is at this port, and how busy the device is",),
        )
    told = LinkError(
        f"{endpoint.where} hung up before it let anybody in",
        details=(str(error) or type(error).__name__,),
        hints=(
            "see whether an SSH server is at this port, and its MaxStartups",
            "try again in a moment",
        ),
    )
    text = str(error).lower()
    early = isinstance(error, EOFError | ConnectionResetError | BrokenPipeError)
    return _DroppedError(told) if early or any(sign in text for sign in _DROPPED) else told


def _incompatible(endpoint: Endpoint, error: Exception) -> DeviceError:
    if "host key" in str(error).lower():
        kinds = ", ".join(sorted({key.split()[0] for key in endpoint.host_keys})) or "known"
        return HostKeyError(
            f"{endpoint.where} has no host key of a type that is pinned ({kinds})",
            hints=("find out why, and enrol the device again if it is rightly so",),
        )
    return DeviceError(
        f"{endpoint.where} and edgetool share no safe algorithm",
        details=(str(error),),
        hints=("update the device's SSH server", "the OpenSSH backend"),
    )


def _require_paramiko() -> None:
    if importlib.util.find_spec("paramiko") is None:
        raise MissingToolError(
            "devices over SSH need paramiko, which is not installed",
            hints=("pip install 'edgetool[ssh]'",),
        )
    # Without a handler Python prints what paramiko logs, tracebacks of its thread included.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())


def host_key_shown(endpoint: Endpoint, key_types: tuple[str, ...]) -> str | None:
    """The key of one of these types that a server shows, "ssh-ed25519 AAAA…"; None: it has none.

    Nothing is checked and nobody logs in. Raises: MissingToolError, LinkError, DeviceError.
    """
    try:
        session = greet(endpoint, key_types)
    except HostKeyError:
        return None
    try:
        key = session.transport.get_remote_server_key()
        return f"{key.get_name()} {key.get_base64()}"
    finally:
        session.close()


def scan_host_keys(endpoint: Endpoint) -> tuple[str, ...]:
    """The host keys that a server shows, best type first, for somebody to look at before pinning.

    One session a type; nobody logs in (but at jump hosts, whose keys have to be pinned).
    Raises: MissingToolError, LinkError, HostKeyError when it shows none of a type that is taken.
    """
    families: tuple[Callable[[str], bool], ...] = (
        lambda kind: kind == "ssh-ed25519",
        lambda kind: kind.startswith("ecdsa-"),
        lambda kind: kind.startswith("rsa-"),
    )
    wanted = [tuple(filter(family, KEY_TYPES)) for family in families]
    shown = [host_key_shown(endpoint, types) for types in wanted]
    if not any(shown):
        raise HostKeyError(f"{endpoint.where} shows no host key of a type that is taken")
    return tuple(key for key in shown if key)
