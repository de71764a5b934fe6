"""A layer and what it costs: a noun of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgetool.figures import Figure
from edgetool.program.program import Operation, Program


@dataclass(frozen=True)
class LayerCost:
    """One layer that is computed.   figures: by name; absent where not known or not meaningful."""

    name: str
    operator: str
    output_shape: tuple[int, ...]
    figures: Mapping[str, Figure]

    @classmethod
    def of(cls, program: Program, operation: Operation, figures: Mapping[str, Figure]) -> LayerCost:
        """An operation's costs, with its multiply-accumulates."""
        macs = program.macs(operation)
        known = {"macs": Figure(macs, "1", "computed")} if macs else {}
        shape = program.output_tensors(operation)[0].shape
        return cls(operation.name, operation.operator.kind, shape, known | dict(figures))

    def to_json(self) -> dict[str, Any]:
        """Figures as {value, unit, kind}."""
        return {
            "name": self.name,
            "operator": self.operator,
            "output_shape": list(self.output_shape),
            **{name: figure.to_json() for name, figure in self.figures.items()},
        }


def with_shares(layers: Sequence[LayerCost], counted: str) -> tuple[LayerCost, ...]:
    """The layers with <counted>_share of their sum and <counted>_per_mac.

    counted: "instructions" or "cycles", a figure that every layer has.
    """
    total = sum(layer.figures[counted].value for layer in layers)
    return tuple(_with_share(layer, counted, total) for layer in layers)


def _with_share(layer: LayerCost, counted: str, total: float) -> LayerCost:
    count = layer.figures[counted]
    more = {f"{counted}_share": replace(count, value=count.value / total if total else 0)}
    if "macs" in layer.figures:
        each = count.value / layer.figures["macs"].value
        more[f"{counted}_per_mac"] = replace(count, value=each)
    return replace(layer, figures={**layer.figures, **more})
