"""What a device answers about releases, checked before anything is made of it.

A device may be broken or hostile: its names go to terminals and into further requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from edgetool.errors import ProtocolError
from edgetool.packs.finding import is_id

SHA256 = re.compile(r"[0-9a-f]{64}")
INCOMING = re.compile(r"incoming/[0-9a-f]{16}\.[0-9]{1,2}")
KEY = re.compile(r"[a-z0-9@.-]{1,40} [A-Za-z0-9+/=]{16,2000}")
CHECKS = {
    "signature": "signature and sha256",
    "no-key": "sha256; the device trusts no key yet",
    "no-tool": "sha256; the device has no ssh-keygen of OpenSSH 8.1 or later",
}
_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class Preflight:
    """What a deployment would meet.   lacks: sha256 of files to send.

    incoming: the folder to send them to, below the root; None where nothing is to be sent.
    current: the artifact that the release points at.   check: how releases are checked there.
    """

    lacks: frozenset[str]
    incoming: str | None
    free_bytes: int
    current: str | None
    machine: str
    check: str


@dataclass(frozen=True)
class Switched:
    """A release that points at an artifact now.   previous: what it pointed at before."""

    artifact: str
    previous: str | None
    check: str


@dataclass(frozen=True)
class Event:
    """A line of a release's history.   at: seconds since 1970 on the device's clock."""

    do: str
    artifact: str
    by: str
    at: float


@dataclass(frozen=True)
class ReleaseState:
    """A release on a device."""

    name: str
    current: str | None
    previous: str | None
    history: tuple[Event, ...]


@dataclass(frozen=True)
class StoredArtifact:
    """An artifact in a device's store.   in_use: by a run that is not over."""

    artifact: str
    size_bytes: int
    in_use: bool


@dataclass(frozen=True)
class Listing:
    """All releases on a device, what its store holds, and the keys it trusts."""

    releases: tuple[ReleaseState, ...]
    store: tuple[StoredArtifact, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Collected:
    """What a collection removed.   swept_bytes: of deployments that ended early."""

    removed: tuple[StoredArtifact, ...]
    swept_bytes: int


class Reader:
    """Takes an answer apart, and refuses what no device of ours says.   where: for messages."""

    def __init__(self, where: str) -> None:
        self.where = where

    def refuse(self, what: str) -> NoReturn:
        """Raise ProtocolError."""
        raise ProtocolError(
            f"{self.where} answered something that edgetool's agent never does: {what}",
            hints=("check what runs on the device; edgetool devices check",),
        )

    def preflight(self, answer: Any, asked: frozenset[str]) -> Preflight:
        """asked: sha256 of the release's files: nothing else may be lacking."""
        table = self._table(answer)
        lacks = frozenset(self._list(table, "lacks", str))
        if not lacks <= asked:
            self.refuse("it lacks files that are not in the release")
        return Preflight(
            lacks,
            None if table.get("incoming") is None else self._matching(table, "incoming", INCOMING),
            self._count(table, "free_bytes"),
            self._sha256_or_none(table, "current"),
            self._matching(table, "machine", _MACHINE),
            self._check(table),
        )

    def switched(self, answer: Any) -> Switched:
        """Of a deployment or a rollback."""
        table = self._table(answer)
        artifact = self._matching(table, "artifact", SHA256)
        return Switched(artifact, self._sha256_or_none(table, "previous"), self._check(table))

    def listing(self, answer: Any) -> Listing:
        """Of releases and the store."""
        table = self._table(answer)
        return Listing(
            tuple(self._release(each) for each in self._list(table, "releases", dict)),
            tuple(self._stored(each) for each in self._list(table, "store", dict)),
            self.keys(table),
        )

    def collected(self, answer: Any) -> Collected:
        """Of a collection."""
        table = self._table(answer)
        removed = tuple(self._stored(each) for each in self._list(table, "removed", dict))
        return Collected(removed, self._count(table, "swept_bytes"))

    def keys(self, answer: Any) -> tuple[str, ...]:
        """The trusted keys."""
        found = self._list(self._table(answer), "keys", str)
        if not all(KEY.fullmatch(key) for key in found):
            self.refuse("a key that is none")
        return tuple(found)

    def check(self, answer: Any) -> str:
        """How releases are checked."""
        return self._check(self._table(answer))

    def _release(self, table: Mapping[str, Any]) -> ReleaseState:
        name = table.get("release")
        if not isinstance(name, str) or not is_id(name):
            self.refuse(f"a release called {str(name)[:80]!r}")
        history = tuple(self._event(each) for each in self._list(table, "history", dict))
        current = self._sha256_or_none(table, "current")
        return ReleaseState(name, current, self._sha256_or_none(table, "previous"), history)

    def _event(self, table: Mapping[str, Any]) -> Event:
        at = table.get("at")
        if not isinstance(at, int | float) or not abs(at) < 1e12:
            self.refuse("a time that is none")
        artifact = self._matching(table, "artifact", SHA256)
        return Event(self._text(table, "do"), artifact, self._text(table, "by"), float(at))

    def _stored(self, table: Mapping[str, Any]) -> StoredArtifact:
        artifact = self._matching(table, "artifact", SHA256)
        return StoredArtifact(artifact, self._count(table, "bytes"), table.get("in_use") is True)

    def _check(self, table: Mapping[str, Any]) -> str:
        check = table.get("check")
        if not isinstance(check, str) or check not in CHECKS:
            self.refuse("a way of checking releases that is not known")
        return check

    def _table(self, answer: Any) -> Mapping[str, Any]:
        if not isinstance(answer, dict):
            self.refuse("no table")
        return answer

    def _list(self, table: Mapping[str, Any], key: str, kind: type) -> list[Any]:
        found = table.get(key)
        if not isinstance(found, list) or not all(isinstance(each, kind) for each in found):
            self.refuse(f"{key} is no list of what it should be")
        return found

    def _matching(self, table: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
        found = table.get(key)
        if not isinstance(found, str) or not pattern.fullmatch(found):
            self.refuse(f"{key} is {str(found)[:80]!r}")
        return found

    def _sha256_or_none(self, table: Mapping[str, Any], key: str) -> str | None:
        return None if table.get(key) is None else self._matching(table, key, SHA256)

    def _count(self, table: Mapping[str, Any], key: str) -> int:
        found = table.get(key)
        if not isinstance(found, int) or isinstance(found, bool) or found < 0:
            self.refuse(f"{key} is {str(found)[:80]!r}")
        return found

    def _text(self, table: Mapping[str, Any], key: str) -> str:
        found = table.get(key)
        if not isinstance(found, str) or not found.isprintable() or len(found) > _LONGEST_TEXT:
            self.refuse(f"{key} is {str(found)[:80]!r}")
        return found
