"""Time of each layer out of trtexec --exportProfile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgetool.errors import ProtocolError
from edgetool.figures import Figure
from edgetool.runtimes.tensorrt.records import LIMIT_BYTES, name_in, number_in, read_records

WHAT = "--exportProfile"
MS = 1e-3
MOST_RUNS = 1e9
LONGEST_SUM_MS = 1e12  # of all runs together
# One layer a line. Names are written as they are, so the line is cut at the fields around them.
LINE = re.compile(
    r'^\s*,?\s*\{ "name" : "(.*)", "timeMs" : ([^"{}]*?)((?:, "\w+" : [^"{}]*?)*) \}\s*$'
)
FIELD = re.compile(r'"(\w+)" : ([^,"{}\s]+)')
COUNT = re.compile(r'\{ "count" : (\d{1,10}) \}')
# Layers that TensorRT adds to change a layout or a type, by the names that it gives them.
REFORMAT = re.compile(r"reformat|^Cast|copy (input|output)", re.IGNORECASE)


@dataclass(frozen=True)
class MeasuredLayer:
    """A layer of the engine, which is often several of the model's, joined by " + ".

    time_s: median of its runs where TensorRT says it (since 8.5), else their mean.
    share: of the time of all layers, 0..1.   reformats: only changes a layout or a type.
    """

    name: str
    time_s: float
    statistic: str
    share: float

    @property
    def reformats(self) -> bool:
        """Whether TensorRT put it in to move data, not to compute."""
        return REFORMAT.search(self.name) is not None

    def figures(self) -> dict[str, Figure]:
        """time and time_share, as measured."""
        source = f"trtexec {WHAT}, {self.statistic}"
        return {
            "time": Figure(self.time_s, "s", "measured", source),
            "time_share": Figure(self.share, "1", "measured", source),
        }


@dataclass(frozen=True)
class LayerProfile:
    """The layers in the order of execution.   runs: inferences behind each figure."""

    runs: int
    layers: tuple[MeasuredLayer, ...]


def parse_layers(data: bytes) -> LayerProfile:
    """Layers that ran, each with its share. Raises: ProtocolError."""
    records = _records(data)
    if not records or "count" not in records[0]:
        raise ProtocolError(f"trtexec {WHAT} does not say how often it ran")
    runs = int(number_in(records[0], "count", WHAT, upto=MOST_RUNS))
    layers = records[1:]
    total = sum(number_in(layer, "timeMs", WHAT, upto=LONGEST_SUM_MS) for layer in layers)
    if runs == 0 or total == 0:
        raise ProtocolError(f"trtexec {WHAT} has no layer that ran")
    return LayerProfile(runs, tuple(_layer(layer, total) for layer in layers))


def _layer(record: Mapping[str, Any], total_ms: float) -> MeasuredLayer:
    statistic = "median" if "medianMs" in record else "mean"
    time_ms = number_in(record, f"{statistic}Ms".replace("mean", "average"), WHAT)
    share = number_in(record, "timeMs", WHAT, upto=LONGEST_SUM_MS) / total_ms
    return MeasuredLayer(name_in(record, WHAT), time_ms * MS, statistic, share)


def _records(data: bytes) -> list[dict[str, Any]]:
    """As JSON, or line by line where a layer's name has broken it."""
    try:
        return read_records(data, WHAT)
    except ProtocolError:
        if len(data) > LIMIT_BYTES:
            raise
        records = _read_lines(data.decode("utf-8", "replace"))
        if records is None:
            raise
        return records


def _read_lines(text: str) -> list[dict[str, Any]] | None:
    lines = [line for line in text.split("\n") if line.strip() not in ("", "[", "]")]
    count = COUNT.search(lines[0]) if lines else None
    matches = [LINE.match(line) for line in lines[1:]]
    if count is None or None in matches:
        return None
    try:
        return [{"count": int(count[1])}, *(_fields(match) for match in matches if match)]
    except ValueError:
        return None


def _fields(match: re.Match[str]) -> dict[str, Any]:
    numbers = {"timeMs": float(match[2]), **{k: float(v) for k, v in FIELD.findall(match[3])}}
    return {"name": match[1], **numbers}
