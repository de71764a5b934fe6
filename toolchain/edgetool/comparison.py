"""Comparison: artifacts side by side, each figure with how it was obtained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgetool.artifact import Artifact
from edgetool.errors import UsageError
from edgetool.figures import Figure

COLUMNS = (
    "accuracy",
    "flash_bytes",
    "ram_bytes",
    "macs",
    "parameters",
    "instructions",
    "cycles",
    "latency_s",
    "host_latency_s",
    "stack_bytes",
)
SMALLER_IS_BETTER = frozenset(COLUMNS) - {"accuracy"}
ORDER = {
    "accuracy": "accuracy",
    "latency": "latency_s",
    "flash": "flash_bytes",
    "ram": "ram_bytes",
    "macs": "macs",
    "instructions": "instructions",
    "cycles": "cycles",
}


@dataclass(frozen=True)
class Row:
    """One artifact.   name: its folder.   figures: by column name; absent where not known.

    metric: its name.   holds: whether its last verification held; None when it was not verified.
    """

    name: str
    target: str
    precision: str
    metric: str | None
    figures: Mapping[str, Figure]
    holds: bool | None

    def to_json(self) -> dict[str, Any]:
        """Every figure that is known."""
        content: dict[str, Any] = {
            "artifact": self.name,
            "target": self.target,
            "precision": self.precision,
        }
        if self.metric:
            content["metric"] = self.metric
        if self.holds is not None:
            content["verified"] = self.holds
        return content | {name: figure.to_json() for name, figure in self.figures.items()}


@dataclass(frozen=True)
class Comparison:
    """Rows in the order asked for.   pareto: names of rows that no other beats in every column
    of by.   columns: those that at least one row has."""

    rows: tuple[Row, ...]
    by: tuple[str, ...]
    pareto: tuple[str, ...]
    columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON types."""
        return {
            "schema_version": 1,
            "by": list(self.by),
            "pareto": list(self.pareto),
            "artifacts": [row.to_json() for row in self.rows],
        }


def compare_artifacts(artifacts: Sequence[Artifact], by: Sequence[str]) -> Comparison:
    """Compare by what compile, verify and profile left; the first of `by` sorts.

    Raises: UsageError for a criterion that is not in ORDER.
    """
    unknown = [name for name in by if name not in ORDER]
    if unknown:
        raise UsageError(f"--by {unknown[0]} is not known", hints=(f"some of: {', '.join(ORDER)}",))
    keys = tuple(ORDER[name] for name in by)
    rows = [row_of(artifact) for artifact in artifacts]
    if keys:
        rows.sort(key=lambda row: _sort_key(row, keys[0]))
    columns = tuple(c for c in COLUMNS if any(c in row.figures for row in rows))
    return Comparison(tuple(rows), tuple(by), pareto_front(rows, keys), columns)


def row_of(artifact: Artifact) -> Row:
    """One artifact's figures, the profile's where it has run since."""
    manifest = artifact.manifest
    figures = dict(manifest.figures)
    profiled = artifact.result("profile.json") or {}
    for name in COLUMNS:
        if name in profiled:
            figures[name] = _profiled_figure(artifact, profiled[name])
    metric = next(iter(manifest.metric), None)
    if metric is not None:
        figures["accuracy"] = manifest.metric[metric]
    verified = artifact.result("verify.json")
    return Row(
        str(artifact.folder),
        manifest.target["name"],
        manifest.precision,
        metric,
        figures,
        None if verified is None else bool(verified.get("holds")),
    )


def _profiled_figure(artifact: Artifact, stored: Any) -> Figure:
    try:
        return Figure.from_json(stored)
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"'{artifact.folder / 'profile.json'}' is damaged: a figure is {stored!r}",
            hints=(f"edgetool profile {artifact.folder}",),
        ) from error


def pareto_front(rows: Sequence[Row], keys: Sequence[str]) -> tuple[str, ...]:
    """Names of rows that have every key and that no other such row beats or equals throughout."""
    known = [row for row in rows if keys and all(key in row.figures for key in keys)]
    return tuple(row.name for row in known if not any(_beats(other, row, keys) for other in known))


def _beats(one: Row, other: Row, keys: Sequence[str]) -> bool:
    pairs = [(_cost(one, key), _cost(other, key)) for key in keys]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _cost(row: Row, key: str) -> float:
    value = row.figures[key].value
    if key in SMALLER_IS_BETTER or row.metric == "mse":
        return value
    return -value


def _sort_key(row: Row, key: str) -> tuple[bool, float]:
    return (False, _cost(row, key)) if key in row.figures else (True, 0.0)
