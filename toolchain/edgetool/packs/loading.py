"""From a pack's file to its frozen noun: inheritance, checks, provenance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edgetool.errors import PackError
from edgetool.packs import finding
from edgetool.packs.checks import Problem
from edgetool.packs.convert import Problems, Table, build, check_table, nearest
from edgetool.packs.finding import BUILT_IN, COMMAND_LINE, Found, Kind, Root
from edgetool.packs.profile_checks import PROFILE_CHECKS
from edgetool.packs.recipe_checks import RECIPE_CHECKS
from edgetool.packs.schema import Profile, Recipe, Source, Target
from edgetool.packs.target_checks import BUILT_IN_TARGET_CHECKS, TARGET_CHECKS

LONGEST_CHAIN = 8
"""More ancestors than this help nobody."""


@dataclass(frozen=True)
class Rules:
    """What a kind of pack becomes, and the named checks that it must pass.

    table_checks: of one built-in file's own table.   checks: of the finished noun.
    Each yields (key, sentence) for what is wrong.
    """

    noun: type[Any]
    checks: Sequence[Callable[[Any], Iterable[Problem]]]
    table_checks: Sequence[Callable[[Table], Iterable[Problem]]] = ()


RULES = {
    finding.TARGET: Rules(Target, TARGET_CHECKS, BUILT_IN_TARGET_CHECKS),
    finding.RECIPE: Rules(Recipe, RECIPE_CHECKS),
    finding.PROFILE: Rules(Profile, PROFILE_CHECKS),
}


def load(kind: Kind, found: Found) -> Any:
    """The frozen noun in a file. Raises: PackError listing every mistake, with file and key."""
    rules = RULES[kind]
    chain = _chain(kind, found)
    table: dict[str, Any] = {}
    for _, ancestor in reversed(chain):
        table = merge(table, ancestor)
    table.pop("inherits", None)
    (source, *parents), name = [s for s, _ in chain], kind.name(found.path)
    given = {"name": name, "source": source, "parents": tuple(parents)}
    problems = Problems(found.path)
    pack = build(rules.noun, table, given, problems)
    _apply(rules.checks, pack, problems)
    return pack


def merge(parent: Table, child: Table) -> dict[str, Any]:
    """Child over parent: tables are merged key by key, everything else is replaced.

    description and notes belong to one pack and are not inherited, nor is the citation of a
    fact that the child sets anew.
    """
    merged = {key: value for key, value in parent.items() if key not in {"description", "notes"}}
    facts = merged.get("facts", {})
    merged["facts"] = {key: facts[key] for key in facts if key not in child}
    return _merge_tables(merged, child)


def _merge_tables(parent: Table, child: Table) -> dict[str, Any]:
    merged = dict(parent)
    for key, value in child.items():
        old = merged.get(key)
        tables = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merge_tables(merged[key], value) if tables else value
    return merged


def _chain(kind: Kind, found: Found) -> list[tuple[Source, dict[str, Any]]]:
    """The pack and its ancestors, nearest first, each with its own checked table."""
    chain: list[tuple[Source, dict[str, Any]]] = []
    step: Found | None = found
    while step is not None:
        _refuse_cycle([source for source, _ in chain], step)
        source, table = _read(kind, step)
        chain.append((source, table))
        step = _parent(kind, step, table.get("inherits"))
    return chain


def _refuse_cycle(seen: list[Source], step: Found) -> None:
    paths = [source.path for source in seen]
    if step.path in paths or len(paths) > LONGEST_CHAIN:
        names = " → ".join(str(path) for path in [*paths, step.path])
        reason = "inherits itself" if step.path in paths else "inherits too long a chain"
        raise PackError(f"{paths[0]}: {reason}", details=[names])


def _read(kind: Kind, found: Found) -> tuple[Source, dict[str, Any]]:
    rules = RULES[kind]
    table, sha256 = finding.read_table(found.path)
    problems = Problems(found.path)
    check_table(rules.noun, table, problems)
    problems.refuse()
    if found.origin == BUILT_IN:
        _apply(rules.table_checks, table, problems)
    return Source(found.path, sha256, found.origin), table


def _parent(kind: Kind, child: Found, name: str | None) -> Found | None:
    """The pack that child inherits; one named by path looks among its own neighbours first."""
    if name is None:
        return None
    places = list(finding.roots())
    if child.origin == COMMAND_LINE:
        neighbours = child.path.parents[1 if kind.file else 0]
        places.insert(0, Root(_root_of(kind, neighbours), COMMAND_LINE))
    parent = finding.find_named(kind, name, places) if finding.is_id(name) else None
    if parent is None:
        raise _no_parent(kind, child, name)
    return parent


def _root_of(kind: Kind, folder: Any) -> Any:
    return folder.parent if folder.name == kind.folder else folder


def _no_parent(kind: Kind, child: Found, name: str) -> PackError:
    close = nearest(name, [kind.name(found.path) for found in finding.find_all(kind)])
    details = [f"did you mean: {close}"] if close else []
    message = f"{child.path}: inherits: {kind.noun} {name!r} not found"
    return PackError(message, details=details, hints=[f"edgetool {kind.folder}"])


def _apply(rules: Sequence[Callable[[Any], Any]], subject: Any, problems: Problems) -> None:
    for rule in rules:
        for key, sentence in rule(subject):
            problems.add(key, sentence)
    problems.refuse()
