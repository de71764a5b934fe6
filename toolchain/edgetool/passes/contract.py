"""What a pass gets and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from edgetool.graph import Graph


@dataclass(frozen=True)
class PassContext:
    """The facts and choices that passes depend on.

    calibration: input name to array (samples, *input shape without batch), in the graph's own
    layout and type; None when there are none.
    shapes: input name to the full shape the user asked for (--shape).
    options: choices of single passes by name, such as {"ranges": "percentile"}.
    float_graph: what the graph was before quantize_static quantized it, None until then.
    """

    calibration: Mapping[str, npt.NDArray[Any]] | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    float_graph: Graph | None = None


@dataclass(frozen=True)
class PassResult:
    """What a pass did.

    graph: the result (the input changed in place, or a new one).   changed: whether anything was.
    notes: one line for each thing a user would want to know.
    """

    graph: Graph
    changed: bool
    notes: tuple[str, ...] = ()


def unchanged(graph: Graph) -> PassResult:
    """The result of a pass that found nothing to do."""
    return PassResult(graph, False)
