"""The JSON files that trtexec writes: what a board sends is checked before it is believed.

trtexec prints names into them as they are: a quote or a backslash in a layer's name breaks the
JSON, and 0 / 0 is printed as nan.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from edgetool.errors import ProtocolError

LIMIT_BYTES = 256 * 1024 * 1024
CPP_CONSTANT = re.compile(rb"(?<=[\s,\[])(-?)(nan|inf)(?=[\s,\]])")
JSON_CONSTANTS = {b"nan": b"NaN", b"inf": b"Infinity"}
LONGEST_NAME = 4096
LONGEST_TIME_MS = 1e7  # almost three hours: more than any inference takes


def read_records(data: bytes, what: str, *, not_finite: bool = False) -> list[dict[str, Any]]:
    """The objects of a JSON array.   what: for messages ("--exportTimes").

    not_finite: nan and inf, as C++ prints them, are numbers too.
    Raises: ProtocolError for anything else.
    """
    if len(data) > LIMIT_BYTES:
        raise ProtocolError(f"trtexec {what}: {len(data):,} bytes are too many")
    if not_finite:
        data = CPP_CONSTANT.sub(lambda match: match[1] + JSON_CONSTANTS[match[2]], data)
    constants = float if not_finite else _refuse_constant
    try:
        found = json.loads(data.decode("utf-8", "replace"), parse_constant=constants)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"trtexec {what} is not the JSON it writes: {error}") from None
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise ProtocolError(f"trtexec {what} is not an array of objects")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def number_in(
    record: Mapping[str, Any], key: str, what: str, *, upto: float = LONGEST_TIME_MS
) -> float:
    """A number from 0 to `upto`. Raises: ProtocolError."""
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError(f"trtexec {what}: {key} is {str(value)[:40]!r}, not a number")
    if not 0 <= value <= upto or not math.isfinite(value):
        raise ProtocolError(f"trtexec {what}: {key} is {str(value)[:40]}, not from 0 to {upto:g}")
    return float(value)


def name_in(record: Mapping[str, Any], what: str) -> str:
    """A name fit to be printed. Raises: ProtocolError."""
    name = record.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise ProtocolError(f"trtexec {what}: a record has no name")
    return "".join(letter if letter.isprintable() else "?" for letter in name)
