"""Rules that every kind of pack keeps; each check yields (key, sentence) per mistake."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from edgetool.packs.finding import is_id
from edgetool.packs.schema import Profile, Recipe, Target

Problem = tuple[str, str]


def check_name_is_id(pack: Target | Recipe | Profile) -> Iterator[Problem]:
    """The folder's or file's name is the pack's name, so it must be one."""
    if not is_id(pack.name):
        yield "name", f"{pack.name!r} is not small letters, digits, '.', '_' or '-' (at most 63)"


def check_text_is_printable(pack: Any) -> Iterator[Problem]:
    """Text goes to terminals: no control characters."""
    for key, text in _texts(pack, ""):
        if not text.isprintable():
            yield key, f"{text!r} has control characters"


def check_description_is_short(pack: Target | Recipe | Profile) -> Iterator[Problem]:
    """A description is a line in a table."""
    if not 1 <= len(pack.description) <= 120:
        yield "description", f"has {len(pack.description)} characters, must have 1 to 120"


def check_facts_name_fields(pack: Target | Recipe | Profile) -> Iterator[Problem]:
    """A citation belongs to a field, or to a part of one ("core.fpu")."""
    for key in pack.facts:
        if not _has_field(pack, key.split(".")):
            yield f"facts.{key}", "cites a field that is not there"


COMMON_CHECKS: tuple[Callable[[Any], Iterable[Problem]], ...] = (
    check_name_is_id,
    check_text_is_printable,
    check_description_is_short,
    check_facts_name_fields,
)


def _has_field(part: Any, path: list[str]) -> bool:
    if not path:
        return True
    if isinstance(part, Mapping):
        return path[0] in part
    if not dataclasses.is_dataclass(part) or not hasattr(part, path[0]):
        return False
    return _has_field(getattr(part, path[0]), path[1:])


def _texts(part: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(part, str):
        yield where, part
    elif dataclasses.is_dataclass(part):
        for f in dataclasses.fields(part):
            if f.name not in {"source", "parents"}:
                yield from _texts(getattr(part, f.name), f"{where}.{f.name}".lstrip("."))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from _texts(key, f"{where}.{key}")
            yield from _texts(value, f"{where}.{key}")
    elif isinstance(part, tuple):
        for index, value in enumerate(part):
            yield from _texts(value, f"{where}[{index}]")
