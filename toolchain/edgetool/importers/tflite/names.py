"""Short unique names for nodes and values out of TFLite's long ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What the converter appends when a bias names the result: "…/BiasAdd/ReadVariableOp/resource1".
_BIAS_TAIL = re.compile(r"(/BiasAdd)?/ReadVariableOp(/resource)?\d*$")
_LONGEST = 100


def short_names(names: Sequence[str]) -> list[str]:
    """Each name's last ";" piece without the scope that all of them share.

    Converters join the names of everything that was fused into a tensor:
    "net/relu/Relu;net/conv/BiasAdd;net/conv/Conv2D1" becomes "conv/Conv2D1".
    """
    pieces = [_BIAS_TAIL.sub("", _last_piece(name)) for name in names]
    scoped = [piece for piece in pieces if "/" in piece]
    scope = _common_scope(scoped) if len(scoped) > 1 else ""
    return [piece.removeprefix(scope)[:_LONGEST] for piece in pieces]


def _common_scope(names: Sequence[str]) -> str:
    """'net/block/' for net/block/a and net/block/b; "" when they share none."""
    first, last = min(names), max(names)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return first[: first.rfind("/", 0, same) + 1]


def _last_piece(name: str) -> str:
    return next((piece for piece in reversed(name.split(";")) if piece), "")


class UniqueNames:
    """Gives every name once; a second use gets a number."""

    def __init__(self, taken: Sequence[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """wanted, or wanted_1, wanted_2 …"""
        name = wanted
        while name in self._taken:
            count = self._next.get(wanted, 0) + 1
            self._next[wanted] = count
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name
