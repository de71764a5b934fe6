"""What the agent sends, taken apart and checked: a device may be broken or hostile."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from edgetool.errors import ProtocolError

PROTOCOL = 1
UNDER_WAY = frozenset({"starting", "running"})
OVER = frozenset({"done", "failed", "stopped", "died", "rebooted"})
TEXT_LIMIT = 4096
_WORD = re.compile(r"[a-z][a-z0-9-]{0,39}")
_RUN = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LARGEST_NS = 1 << 63


@dataclass(frozen=True)
class Hello:
    """Who speaks.   agent: 16 digits of its own sha256.   boot_id: differs after a reboot.

    restored: clocks that an earlier session had left locked and that are now as before;
    not_restored: those that could not be.
    """

    agent: str
    boot_id: str | None
    python: str
    machine: str
    restored: tuple[str, ...] = ()
    not_restored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """A line of a run's journal.

    index: its place there, from 0.   t_ns: the device's monotonic clock.   kind: "state",
    "sample", "samples", "heartbeat", "sensor", "error", "done" or a job's own; "damaged" for a
    line that a power cut left unreadable.   fields: what else it says.
    """

    index: int
    t_ns: int
    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Silence:
    """The agent lives, and the run has journaled nothing for so long."""

    seconds: float


@dataclass(frozen=True)
class RunState:
    """How a run stands.

    state: "starting", "running"; "done", "failed" with an error, "stopped" on request, "died"
    (its processes were killed), "rebooted" (the board went down meanwhile).
    lines: in its journal, when it was followed to its end.
    clock_jump_s: how far the wall clock was set during the run; durations do not depend on it.
    """

    run: str
    state: str
    error_kind: str | None = None
    error: str | None = None
    log: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    lines: int | None = None
    clock_jump_s: float | None = None
    boot_id: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in OVER


@dataclass(frozen=True)
class Refusal:
    """Why the agent did not do what was asked.   kind: for programs.   message: for people."""

    kind: str
    message: str


class Reader:
    """Takes lines apart, and refuses what no agent of ours says.   where: for messages."""

    def __init__(self, where: str) -> None:
        self.where = where

    def refuse(self, what: str) -> NoReturn:
        """Raise ProtocolError."""
        raise ProtocolError(
            f"{self.where} answered something that edgetool's agent never does: {what}",
            hints=("check what runs on the device; edgetool devices check",),
        )

    def message(self, line: bytes) -> dict[str, Any]:
        """An object of JSON."""
        try:
            message = json.loads(line.decode(), parse_constant=self.refuse)
        except (ValueError, RecursionError):
            self.refuse(f"{line[:80]!r}")
        if not isinstance(message, dict):
            self.refuse(f"{line[:80]!r}")
        return message

    def hello(self, line: bytes) -> Hello:
        """The first line of a session."""
        said = self.message(line).get("hello")
        if not isinstance(said, dict):
            self.refuse(f"{line[:80]!r} instead of its hello")
        if said.get("protocol") != PROTOCOL:
            self.refuse(f"protocol {str(said.get('protocol'))[:20]}, not {PROTOCOL}")
        boot_id = said.get("boot_id")
        return Hello(
            self.text(said, "agent"),
            None if boot_id is None else self.text(said, "boot_id"),
            self.text(said, "python"),
            self.text(said, "machine"),
            *self._restored(said.get("restored", {})),
        )

    def _restored(self, said: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if not isinstance(said, dict):
            self.refuse("clocks put back that are none")
        return self._texts(said.get("restored", [])), self._texts(said.get("failed", []))

    def _texts(self, found: Any) -> tuple[str, ...]:
        if not isinstance(found, list) or len(found) > 100:
            self.refuse("a list that is none")
        return tuple(self.text({"name": each}, "name") for each in found)

    def answer(self, message: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        """The result of a request, or why there is none."""
        if message.get("ok") is True and isinstance(message.get("result"), dict):
            return dict(message["result"])
        error = message.get("error")
        if message.get("ok") is not False or not isinstance(error, dict):
            self.refuse("neither a result nor an error")
        return Refusal(self.word(error, "kind"), self.long_text(error, "message"))

    def event(self, message: Mapping[str, Any]) -> Event | Silence:
        """What comes while a run is followed."""
        if "silent_s" in message:
            return Silence(self.number(message, "silent_s"))
        index, content = message.get("index"), message.get("event", ...)
        if type(index) is not int or not 0 <= index < _LARGEST_NS:
            self.refuse("an event without its index")
        if content is None:
            return Event(index, 0, "damaged", {})
        if not isinstance(content, dict):
            self.refuse("an event that is none")
        t_ns = content.pop("t", None)
        if type(t_ns) is not int or not 0 <= t_ns < _LARGEST_NS:
            self.refuse("an event without its time")
        kind = self.word(content, "kind")
        content.pop("kind")
        return Event(index, t_ns, kind, content)

    def run_state(self, content: Any) -> RunState:
        """How a run stands."""
        if not isinstance(content, dict):
            self.refuse("a run's state that is none")
        run, state = content.get("run"), content.get("state")
        if not isinstance(run, str) or not _RUN.fullmatch(run):
            self.refuse(f"a run called {str(run)[:80]!r}")
        if not isinstance(state, str) or state not in UNDER_WAY | OVER:
            self.refuse(f"a run's state {str(state)[:40]!r}")
        error, result = content.get("error") or {}, content.get("result") or {}
        if not isinstance(error, dict) or not isinstance(result, dict):
            self.refuse("a run's result that is none")
        return RunState(
            run,
            state,
            self.word(error, "kind") if error else None,
            self.long_text(error, "message") if error else None,
            self.long_text(error, "log") if error.get("log") else None,
            result,
            self._optional_count(content, "lines"),
            self.number(content, "clock_jump_s") if "clock_jump_s" in content else None,
            self.text(content, "boot_id") if content.get("boot_id") else None,
        )

    def word(self, table: Mapping[str, Any], key: str) -> str:
        """A name of ours: small letters, digits and "-"."""
        found = table.get(key)
        if not isinstance(found, str) or not _WORD.fullmatch(found):
            self.refuse(f"{key} is {str(found)[:80]!r}")
        return found

    def text(self, table: Mapping[str, Any], key: str) -> str:
        """A short text that a terminal may show."""
        found = table.get(key)
        if not isinstance(found, str) or not found.isprintable() or len(found) > 200:
            self.refuse(f"{key} is {str(found)[:80]!r}")
        return found

    def long_text(self, table: Mapping[str, Any], key: str) -> str:
        """A text of several lines; what a terminal must not see is replaced, too much cut off."""
        found = table.get(key)
        if not isinstance(found, str):
            self.refuse(f"{key} is {str(found)[:80]!r}")
        return printable(found[-TEXT_LIMIT:])

    def number(self, table: Mapping[str, Any], key: str) -> float:
        """A finite number."""
        found = table.get(key)
        if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e18:
            self.refuse(f"{key} is {str(found)[:80]!r}")
        return float(found)

    def count(self, table: Mapping[str, Any], key: str) -> int:
        """A whole number from 0 on."""
        found = table.get(key)
        if type(found) is not int or not 0 <= found < _LARGEST_NS:
            self.refuse(f"{key} is {str(found)[:80]!r}")
        return found

    def _optional_count(self, table: Mapping[str, Any], key: str) -> int | None:
        return self.count(table, key) if key in table else None


def printable(text: str) -> str:
    """The text with what controls a terminal replaced; lines stay."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
