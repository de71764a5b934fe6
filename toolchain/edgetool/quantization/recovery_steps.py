"""Steps that recover what rounding loses, by name: those of an effort, or those asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EQUALIZE, BIAS, ROUNDING = "equalize", "bias", "rounding"
STEPS = (EQUALIZE, BIAS, ROUNDING)
"""In the order in which gains are told."""


def parse_steps(text: str) -> tuple[str, ...] | None:
    """Of --recovery: "none", or names with commas between; None where one is not known."""
    names = [] if text == "none" else text.split(",")
    return tuple(step for step in STEPS if step in names) if set(names) <= set(STEPS) else None


def chosen_steps(options: Mapping[str, Any]) -> frozenset[str]:
    """options["recovery"], else all of them at any effort but "fast"."""
    if "recovery" in options:
        return frozenset(options["recovery"])
    return frozenset(() if options.get("effort", "fast") == "fast" else STEPS)
