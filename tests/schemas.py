"""The JSON Schemas in docs/schemas, and the rule that numbers are figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
SUFFIX = ".schema.json"


def load(name: str) -> dict[str, Any]:
    """The schema of this name."""
    schema: dict[str, Any] = json.loads((FOLDER / f"{name}{SUFFIX}").read_text())
    return schema


def names() -> list[str]:
    """Every schema's name."""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def validate(content: object, name: str) -> None:
    """Fail unless content is what the schema says."""
    loaded = {each: Resource.from_contents(load(each)) for each in names()}
    registry: Registry[Any] = Registry().with_resources(
        (f"{each}{SUFFIX}", resource) for each, resource in loaded.items()
    )
    errors = list(Draft202012Validator(load(name), registry=registry).iter_errors(content))
    assert not errors, "\n".join(f"{error.json_path}: {error.message}" for error in errors)


def check(name: str) -> None:
    """Fail unless the schema is one, and closed; a target's says only what readers rely on."""
    schema = load(name)
    Draft202012Validator.check_schema(schema)
    assert name == "target" or schema["additionalProperties"] is False, name


def bare_numbers(content: object, place: str = "") -> Iterator[str]:
    """Places of numbers that are not a figure's value: "layers[].output_shape[]"."""
    if isinstance(content, dict):
        if {"value", "unit", "kind"} <= content.keys():
            return
        for key, part in content.items():
            yield from bare_numbers(part, f"{place}.{key}" if place else str(key))
    elif isinstance(content, list):
        for part in content:
            yield from bare_numbers(part, f"{place}[]")
    elif isinstance(content, (int, float)) and not isinstance(content, bool):
        yield place
