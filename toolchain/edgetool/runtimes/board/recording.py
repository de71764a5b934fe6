"""What a job of kind "time" has journaled, sorted by model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.agent import Event
from edgetool.errors import ProtocolError

Array = npt.NDArray[Any]

PHASES = ("overhead", "warm-up", "lead-in", "window")
SAMPLES_MAX = 20_000_000


@dataclass
class Timing:
    """One model's.   windows: seconds of each inference, by window (of several, their mean).

    per_sample: inferences behind each sample.   overhead_s: of timing nothing, each sample.
    loaded, memory: as its process said.   layers: {"name", "operator", "ns"}.
    sensors: what was read after each window.   settled: None when the warm-up did not end.
    failed: why the runtime does not run the model.
    """

    per_sample: int = 1
    windows: dict[int, list[float]] = field(default_factory=dict)
    overhead_s: list[float] = field(default_factory=list)
    loaded: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    layers: list[Mapping[str, Any]] = field(default_factory=list)
    sensors: list[Mapping[str, Any]] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    settled: bool | None = None
    warm_up_s: float | None = None
    failed: str | None = None

    def samples(self) -> Array:
        """Seconds of every inference in every window, in order."""
        return np.array([value for key in sorted(self.windows) for value in self.windows[key]])

    def medians(self) -> Array:
        """Of each window, in order."""
        return np.array([np.median(self.windows[key]) for key in sorted(self.windows)])


@dataclass
class Recording:
    """All of a run.   before, after: what the device said about itself; clocks: about locking."""

    where: str
    models: dict[str, Timing] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    clocks: Mapping[str, Any] = field(default_factory=dict)
    count: int = 0

    def take(self, event: Event) -> None:
        """Sort one line of the journal in. Raises: ProtocolError for what no agent of ours says."""
        try:
            self._take(event.kind, event.fields, event.t_ns)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProtocolError(
                f"{self.where} journaled what no agent of ours does: {event.kind}: {error}"
            ) from error

    def _take(self, kind: str, fields: Mapping[str, Any], t_ns: int) -> None:
        if kind == "samples":
            self._take_samples(fields)
        elif kind == "sensor":
            self._take_sensors(fields, t_ns)
        elif kind == "state":
            self._take_state(fields)
        elif kind == "memory":
            self._model(fields).memory = fields
        elif kind == "layers":
            self._model(fields).layers = [dict(layer) for layer in fields["layers"]]

    def _model(self, fields: Mapping[str, Any]) -> Timing:
        return self.models.setdefault(str(fields["model"])[:80], Timing())

    def _take_samples(self, fields: Mapping[str, Any]) -> None:
        timing, each = self._model(fields), int(fields["per_sample"])
        seconds = [int(value) * 1e-9 / each for value in fields["samples"]]
        self.count += len(seconds)
        if self.count > SAMPLES_MAX or each < 1:
            raise ValueError("more samples than a run has")
        if fields["phase"] == "overhead":
            timing.overhead_s += [value * each for value in seconds]
        elif fields["phase"] == "window":
            timing.per_sample = each
            timing.windows.setdefault(int(fields["window"]), []).extend(seconds)

    def _take_sensors(self, fields: Mapping[str, Any], t_ns: int) -> None:
        if "when" in fields:
            setattr(self, "before" if fields["when"] == "before" else "after", fields)
            return
        timing = self._model(fields)
        timing.sensors.append(fields)
        timing.times_s.append(t_ns * 1e-9)

    def _take_state(self, fields: Mapping[str, Any]) -> None:
        state = fields.get("state")
        if state == "loaded":
            self._model(fields).loaded = fields
        elif state == "failed":
            self._model(fields).failed = str(fields["message"])[:500]
        elif state == "warm":
            self._model(fields).settled = bool(fields["settled"])
            self._model(fields).warm_up_s = float(fields["seconds"])
