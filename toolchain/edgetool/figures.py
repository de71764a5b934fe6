"""A figure: a number that says its unit and how it was obtained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Kind = Literal["measured", "emulated", "estimated", "computed", "predicted"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class Figure:
    """value in unit; kind says how it was obtained; source names the table or method behind it.

    unit: SI symbol ("s", "J", "W"), "B", "Hz", "LSB", "dB" or "1" for a count or a fraction.
    kind: measured on hardware · emulated, exact from an instruction emulator · estimated from a
    model of the hardware · computed from the model itself · predicted from other measurements.
    """

    value: float
    unit: str
    kind: Kind
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """{value, unit, kind} and source where there is one."""
        figure: dict[str, Any] = {"value": self.value, "unit": self.unit, "kind": self.kind}
        if self.source:
            figure["source"] = self.source
        return figure

    @classmethod
    def from_json(cls, figure: Mapping[str, Any]) -> Figure:
        """The inverse of to_json."""
        return cls(figure["value"], figure["unit"], figure["kind"], figure.get("source", ""))


@dataclass(frozen=True)
class Series:
    """Raw samples behind a figure, in the order in which they were taken; fields as Figure's."""

    values: tuple[float, ...]
    unit: str
    kind: Kind
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """{values, unit, kind} and source where there is one."""
        series: dict[str, Any] = {
            "values": list(self.values),
            "unit": self.unit,
            "kind": self.kind,
        }
        if self.source:
            series["source"] = self.source
        return series


def format_figure(figure: Figure) -> str:
    """The value for people: thousands separated, SI prefixes on seconds, joules and watts."""
    if figure.unit in ("s", "J", "W"):
        return _with_prefix(figure.value, figure.unit)
    if figure.unit == "B":
        return f"{figure.value:,.0f} B"
    if abs(figure.value) >= 1000 or (figure.value and float(figure.value).is_integer()):
        unit = "" if figure.unit == "1" else f" {figure.unit}"
        return f"{figure.value:,.0f}{unit}"
    return f"{figure.value:.4g}" if figure.unit == "1" else f"{figure.value:.4g} {figure.unit}"


def _with_prefix(value: float, unit: str) -> str:
    for factor, prefix in ((1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if abs(value) >= factor:
            return f"{value / factor:.4g} {prefix}{unit}"
    return f"{value / 1e-9:.4g} n{unit}" if value else f"0 {unit}"
