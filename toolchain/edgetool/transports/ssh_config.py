"""What the user's ssh_config says about a host, as OpenSSH itself reads it: `ssh -G`."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgetool.errors import HostKeyError, UsageError
from edgetool.transports.endpoint import PORT, Endpoint, check_host, check_user

TIMEOUT_S = 20.0  # a Match exec of the user's may take its time
JUMPS_MAX = 8
_NONE = "none"
_JUMP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^]]+\]|[^:]+)(?::(?P<port>\d+))?")
_TOKEN = re.compile(r"%(.?)")


@dataclass(frozen=True)
class Login:
    """A host as the user gives it, where user, port and key may be left to ssh_config.

    identity: a private key's file, tried before those of ssh_config.   config_file: in place of
    the user's own and the system's.
    """

    host: str
    user: str | None = None
    port: int | None = None
    identity: Path | None = None
    config_file: Path | None = None


def resolve(login: Login, host_keys: Sequence[str] = ()) -> Endpoint:
    """The endpoint that OpenSSH would connect to, with these host keys pinned.

    Jump hosts are checked against the user's known_hosts. Where OpenSSH is not installed, the host
    is taken as it is given. Raises: UsageError for names that cannot be and for settings that
    cannot be followed; HostKeyError for a jump host that the user has never been at.
    """
    return _resolve(login, tuple(host_keys), JUMPS_MAX)


def parse_settings(text: str) -> dict[str, list[str]]:
    """What `ssh -G` writes: keyword in small letters → its values in order."""
    settings: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        settings.setdefault(keyword.lower(), []).append(value)
    return settings


def _resolve(login: Login, host_keys: tuple[str, ...], jumps_left: int) -> Endpoint:
    check_host(login.host)
    if login.user is not None:
        check_user(login.user)
    settings = _ask_ssh(login)
    host = _first(settings, "hostname", login.host)
    endpoint = Endpoint(
        host=host,
        user=_first(settings, "user", login.user or getpass.getuser()),
        port=int(_first(settings, "port", str(login.port or PORT))),
        host_keys=host_keys,
        identities_only=_first(settings, "identitiesonly", "no") == "yes",
        alias=None if host == login.host else login.host,
        config_file=login.config_file,
    )
    endpoint = replace(endpoint, identity_files=_identity_files(login, settings, endpoint))
    return _with_way(endpoint, login, settings, jumps_left)


def _with_way(
    endpoint: Endpoint, login: Login, settings: dict[str, list[str]], jumps_left: int
) -> Endpoint:
    command = _first(settings, "proxycommand", _NONE)
    if command != _NONE:
        return replace(endpoint, proxy_command=_expand(command, endpoint, login.host))
    jumps = _first(settings, "proxyjump", _NONE)
    if jumps == _NONE:
        return endpoint
    if jumps_left == 0:
        raise UsageError(f"'{login.host}' is behind more than {JUMPS_MAX} jump hosts in ssh_config")
    chain: list[Endpoint] = []
    for jump in jumps.split(","):
        resolved = _jump_host(jump.strip(), login.config_file, jumps_left - 1)
        # Only the first is reached from here, and so by a way of its own.
        chain += [*resolved.jumps, replace(resolved, jumps=())] if not chain else [resolved]
    return replace(endpoint, jumps=tuple(chain))


def _jump_host(jump: str, config_file: Path | None, jumps_left: int) -> Endpoint:
    parts = _JUMP.fullmatch(jump)
    if parts is None:
        raise UsageError(f"{jump!r} in ssh_config is no jump host")
    host, port = parts["host"].strip("[]"), parts["port"]
    login = Login(host, parts["user"], int(port) if port else None, None, config_file)
    endpoint = _resolve(login, (), jumps_left)
    keys = known_host_keys(login, endpoint)
    if not keys:
        raise HostKeyError(
            f"the host key of jump host {endpoint.where} is not known",
            hints=(f"ssh {endpoint.where.partition(':')[0]}   once, and look at its key",),
        )
    return replace(endpoint, host_keys=keys)


def known_host_keys(login: Login, endpoint: Endpoint) -> tuple[str, ...]:
    """The keys that the user's known_hosts hold for a host, "ssh-ed25519 AAAA…" each."""
    settings = _ask_ssh(login)
    name = _first(settings, "hostkeyalias", endpoint.host)
    if endpoint.port != PORT and "hostkeyalias" not in settings:
        name = f"[{name}]:{endpoint.port}"
    files = " ".join(
        settings.get("userknownhostsfile", []) + settings.get("globalknownhostsfile", [])
    )
    found = [key for file in files.split() for key in _keys_in(Path(file).expanduser(), name)]
    return tuple(dict.fromkeys(found))


def _keys_in(file: Path, name: str) -> list[str]:
    keygen = shutil.which("ssh-keygen")
    if keygen is None or not file.is_file():
        return []
    done = subprocess.run(
        [keygen, "-F", name, "-f", str(file)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    plain = [words for words in lines if len(words) >= 3 and words[0][0] not in "#@"]
    return [f"{words[1]} {words[2]}" for words in plain]


def _ask_ssh(login: Login) -> dict[str, list[str]]:
    ssh = shutil.which("ssh")
    if ssh is None:
        return {}
    command = [ssh, "-G"]
    command += ["-F", str(login.config_file)] if login.config_file is not None else []
    command += ["-l", login.user] if login.user is not None else []
    command += ["-p", str(login.port)] if login.port is not None else []
    try:
        done = subprocess.run(
            [*command, "--", login.host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            f"ssh -G {login.host} did not end within {TIMEOUT_S:g} s",
            hints=("look for a Match exec in ssh_config",),
        ) from error
    if done.returncode != 0:
        raise UsageError(
            f"OpenSSH does not read its settings for '{login.host}'",
            details=done.stderr.strip().splitlines()[-3:],
            hints=(f"ssh -G {login.host}",),
        )
    return parse_settings(done.stdout)


def _identity_files(
    login: Login, settings: dict[str, list[str]], endpoint: Endpoint
) -> tuple[Path, ...]:
    """The named one, then those of ssh_config that are there: `ssh -G` lists the usual ones too."""
    named = [login.identity] if login.identity is not None else []
    listed = [value for value in settings.get("identityfile", []) if value != _NONE]
    paths = [Path(_expand(value, endpoint, login.host)).expanduser() for value in listed]
    return tuple(dict.fromkeys([*named, *(path for path in paths if path.is_file())]))


def _expand(text: str, endpoint: Endpoint, typed: str) -> str:
    """ssh_config(5), TOKENS. All of these hold letters that no shell reads otherwise."""
    tokens = {
        "%": "%",
        "h": endpoint.host,
        "n": typed,
        "p": str(endpoint.port),
        "r": endpoint.user,
        "u": getpass.getuser(),
        "d": str(Path.home()),
    }

    def value(match: re.Match[str]) -> str:
        if match[1] not in tokens:
            raise UsageError(
                f"'{text}' in ssh_config holds %{match[1]}, which only OpenSSH can fill in",
                hints=("the OpenSSH backend",),
            )
        return tokens[match[1]]

    return _TOKEN.sub(value, text)


def _first(settings: dict[str, list[str]], keyword: str, default: str) -> str:
    return settings.get(keyword, [default])[0]
