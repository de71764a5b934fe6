"""Plain tables → frozen dataclasses, by the dataclasses' own annotations.

Every mistake is noted, so that a user sees all of a file's mistakes at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from edgetool.errors import PackError

GIVEN_FIELDS = frozenset({"name", "source", "parents"})
"""Top-level fields that come from where a pack lies, not from its text."""

Table = Mapping[str, Any]


@dataclass
class Problems:
    """What is wrong with one file: sentences that start with the key."""

    file: Path
    sentences: list[str] = field(default_factory=list)

    def add(self, key: str, sentence: str) -> None:
        """Note that key is wrong, and why."""
        self.sentences.append(f"{key}: {sentence}")

    def refuse(self) -> None:
        """Raise PackError if anything was noted."""
        if self.sentences:
            count = f"{len(self.sentences)} mistake{'s' if len(self.sentences) > 1 else ''}"
            raise PackError(f"{self.file}: {count}", details=self.sentences)


def check_table(kind: type[Any], table: Table, problems: Problems) -> None:
    """Note unknown keys and wrong types in one file's own table; missing keys may be inherited."""
    hints = {**_hints(kind), "inherits": str}
    settable = {name: hint for name, hint in hints.items() if name not in GIVEN_FIELDS}
    _Converter(problems, complete=False).fields(settable, table, "")


def build(kind: type[Any], table: Table, given: Table, problems: Problems) -> Any:
    """An instance of kind from a complete table without inherits, and the given fields.

    Raises: PackError with everything that problems holds or that is found here.
    """
    converter = _Converter(problems, complete=True)
    values = {**converter.fields(_hints(kind), table, ""), **given}
    converter.note_missing(kind, values, "")
    problems.refuse()
    return kind(**values)


def nearest(word: str, choices: Sequence[str]) -> str | None:
    """The choice spelled most like word, or None if none is close."""
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return close[0] if close else None


def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind)}


@dataclass(frozen=True)
class _Converter:
    """Converts values to annotations; None stands for a value that was noted as wrong.

    complete: parts must have all their required keys; otherwise they stay tables.
    """

    problems: Problems
    complete: bool

    def fields(self, hints: Mapping[str, Any], table: Table, where: str) -> dict[str, Any]:
        for key in table:
            if key not in hints:
                self.note_unknown(key, list(hints), where)
        known = ((key, value) for key, value in table.items() if key in hints)
        return {key: self.value(value, hints[key], where + key) for key, value in known}

    def note_unknown(self, key: str, choices: Sequence[str], where: str) -> None:
        close = nearest(key, choices)
        advice = f"did you mean {where}{close}?" if close else f"known: {', '.join(choices)}"
        self.problems.add(where + key, f"unknown key; {advice}")

    def note_missing(self, kind: type[Any], values: Table, where: str) -> None:
        nothing = dataclasses.MISSING
        for f in dataclasses.fields(kind):
            required = f.default is nothing and f.default_factory is nothing
            if required and f.name not in values:
                self.problems.add(where + f.name, "missing")

    def value(self, value: Any, hint: Any, key: str) -> Any:
        origin = get_origin(hint)
        if origin in (Union, types.UnionType):
            (hint,) = (member for member in get_args(hint) if member is not types.NoneType)
            return self.value(value, hint, key)
        if origin is Literal:
            return self.choice(value, get_args(hint), key)
        if origin is tuple:
            return self.sequence(value, get_args(hint)[0], key)
        if origin is not None and issubclass(origin, Mapping):
            return self.mapping(value, get_args(hint)[1], key)
        return (
            self.part(value, hint, key)
            if dataclasses.is_dataclass(hint)
            else self.scalar(value, hint, key)
        )

    def choice(self, value: Any, choices: tuple[str, ...], key: str) -> Any:
        if value in choices:
            return value
        return self.problems.add(key, f"{value!r} is not one of {', '.join(choices)}")

    def sequence(self, value: Any, hint: Any, key: str) -> Any:
        if not isinstance(value, list):
            return self.wrong_type(value, "a list", key)
        return tuple(self.value(part, hint, f"{key}[{i}]") for i, part in enumerate(value))

    def mapping(self, value: Any, hint: Any, key: str) -> Any:
        if not isinstance(value, dict):
            return self.wrong_type(value, "a table", key)
        return {name: self.value(part, hint, f"{key}.{name}") for name, part in value.items()}

    def part(self, value: Any, kind: Any, key: str) -> Any:
        if not isinstance(value, dict):
            return self.wrong_type(value, "a table", key)
        values = self.fields(_hints(kind), value, f"{key}.")
        if not self.complete:
            return values
        before = len(self.problems.sentences)
        self.note_missing(kind, values, f"{key}.")
        return kind(**values) if len(self.problems.sentences) == before else None

    def scalar(self, value: Any, hint: Any, key: str) -> Any:
        if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if type(value) is hint:
            return value
        wanted = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
        return self.wrong_type(value, wanted[hint], key)

    def wrong_type(self, value: Any, wanted: str, key: str) -> None:
        self.problems.add(key, f"must be {wanted}, is {value!r}")
