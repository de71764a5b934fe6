"""USER@HOST[:PORT], as a user types it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgetool.errors import UsageError

_LOGIN = re.compile(
    r"(?:(?P<user>[^@]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:@\[\]]+))(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True)
class Login:
    """user, port: None where ssh_config is to say."""

    host: str
    user: str | None = None
    port: int | None = None


def parse_login(text: str) -> Login:
    """ "pi@pi5.example", "pi5:2222", "pi@[fe80::1%eth0]:22". Raises: UsageError."""
    found = _LOGIN.fullmatch(text)
    if found is None:
        bare = text.rpartition("@")[2]
        hints = [f"an IPv6 address in brackets: [{bare}]"] if bare.count(":") > 1 else []
        raise UsageError(f"{text!r} is not USER@HOST[:PORT]", hints=(*hints, "pi@pi5.example:22"))
    port = found["port"]
    return Login(found["v6"] or found["host"], found["user"], int(port) if port else None)
