"""Let a user in by key: those named, the agent's, the usual files. No passwords."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgetool.errors import AuthenticationError, EdgetoolError, LinkError
from edgetool.transports.endpoint import Endpoint

if TYPE_CHECKING:
    import paramiko

USUAL_FILES = ("id_ed25519", "id_ecdsa", "id_rsa")
PUBLIC_KEY = "publickey"


def authenticate(transport: paramiko.Transport, endpoint: Endpoint) -> None:
    """Log in. Raises: AuthenticationError with what was tried, LinkError."""
    import paramiko

    tried: list[str] = []
    try:
        if _without_key(transport, endpoint, tried):
            return
        for name, key in _keys(endpoint, tried):
            if _with_key(transport, endpoint, key):
                return
            tried.append(f"{name}: refused")
    except EdgetoolError:
        raise
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _ended(endpoint, tried, error) from error
    raise _refused(endpoint, tried)


def _without_key(transport: paramiko.Transport, endpoint: Endpoint, tried: list[str]) -> bool:
    """Whether the server asks for nothing; else it says what it takes."""
    import paramiko

    try:
        return not transport.auth_none(endpoint.user)
    except paramiko.BadAuthenticationType as error:
        if PUBLIC_KEY not in error.allowed_types:
            tried.append(f"the server takes no keys: {', '.join(error.allowed_types)}")
            raise _refused(endpoint, tried) from error
        return False


def _with_key(transport: paramiko.Transport, endpoint: Endpoint, key: paramiko.PKey) -> bool:
    import paramiko

    try:
        still_needed = transport.auth_publickey(endpoint.user, key)
    except paramiko.AuthenticationException:
        if not transport.is_active():  # MaxAuthTries: no other key is looked at
            raise
        return False
    if still_needed:
        raise AuthenticationError(
            f"{endpoint.where} wants more than a key: {', '.join(still_needed)}",
            hints=("the OpenSSH backend, with a connection that is open already",),
        )
    return True


def _keys(endpoint: Endpoint, tried: list[str]) -> Iterator[tuple[str, paramiko.PKey]]:
    """(name, key) in the order in which they are tried; what cannot be read is noted."""
    named = [path.expanduser() for path in endpoint.identity_files]
    yield from _read_files(named, tried, needed=True)
    if endpoint.identities_only:
        return
    yield from _agent_keys(tried)
    usual = [Path.home() / ".ssh" / name for name in USUAL_FILES]
    yield from _read_files([path for path in usual if path not in named], tried, needed=False)


def _agent_keys(tried: list[str]) -> Iterator[tuple[str, paramiko.PKey]]:
    import paramiko

    try:
        agent = paramiko.Agent()
    except (paramiko.SSHException, OSError) as error:
        tried.append(f"the agent: {error}")
        return
    with contextlib.closing(agent):
        for key in agent.get_keys():
            yield f"the agent's {key.comment or key.get_name()}", key


def _read_files(
    paths: list[Path], tried: list[str], *, needed: bool
) -> Iterator[tuple[str, paramiko.PKey]]:
    for path in paths:
        if not path.is_file():
            tried += [f"{path}: there is no such file"] if needed else []
            continue
        key = _read_file(path, tried)
        if key is not None:
            yield str(path), key


def _read_file(path: Path, tried: list[str]) -> paramiko.PKey | None:
    import paramiko
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = paramiko.PKey.from_path(path)
        certificate = path.with_name(f"{path.name}-cert.pub")
        if certificate.is_file():
            key.load_certificate(str(certificate))
    except (paramiko.PasswordRequiredException, TypeError):  # cryptography's for a passphrase
        tried.append(f"{path}: has a passphrase (ssh-add it)")
        return None
    except (
        paramiko.SSHException,
        paramiko.pkey.UnknownKeyType,
        UnsupportedAlgorithm,
        OSError,
        ValueError,
    ) as error:
        tried.append(f"{path}: cannot be used ({error})")
        return None
    return key


def _refused(endpoint: Endpoint, tried: list[str]) -> AuthenticationError:
    return AuthenticationError(
        f"{endpoint.where} does not let '{endpoint.user}' in",
        details=tried or ("no key was found: no agent, none of the usual files",),
        hints=(
            f"ssh-copy-id {endpoint.where.partition(':')[0]}",
            "ssh-add for a key with a passphrase",
            "the OpenSSH backend for a key on a token",
        ),
    )


def _ended(endpoint: Endpoint, tried: list[str], error: Exception) -> EdgetoolError:
    if "too many authentication failures" in str(error).lower():
        return AuthenticationError(
            f"{endpoint.where} looked at too few keys and hung up",
            details=tried,
            hints=("name the right key with --identity", "raise MaxAuthTries there"),
        )
    return LinkError(
        f"lost the link to {endpoint.where} while logging in",
        details=(*tried, str(error) or type(error).__name__),
        hints=("run it again",),
    )
