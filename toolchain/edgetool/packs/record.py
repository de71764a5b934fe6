"""A target as it was when an artifact was made: kept with the artifact, read back from it.

The board's own folder may be gone or changed by then; paths of the machine are not kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgetool.errors import PackError
from edgetool.packs.convert import Problems, build
from edgetool.packs.schema import Source, Target

GIVEN = ("name", "source", "parents")
ORIGIN = "artifact"


def record_target(target: Target) -> bytes:
    """The resolved target as JSON, with the sha256 of its files instead of their paths."""
    content = {key: part for key, part in target.to_json().items() if key not in GIVEN}
    record = {
        "name": target.name,
        "sha256": [source.sha256 for source in (target.source, *target.parents)],
        "target": content,
    }
    return json.dumps(record, indent=1).encode() + b"\n"


def recorded_target(path: Path) -> Target:
    """The target that record_target wrote to a file. Raises: PackError when it is damaged."""
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        hashes = [str(sha256) for sha256 in record["sha256"]]
        name, content = str(record["name"]), dict(record["target"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackError(f"{path}: not a recorded target: {error}") from error
    source, *parents = (Source(path, sha256, ORIGIN) for sha256 in hashes)
    given = {"name": name, "source": source, "parents": tuple(parents)}
    target: Target = build(Target, content, given, Problems(path))
    return target
