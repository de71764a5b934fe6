"""What a latency measurement is worth: valid, degraded with reasons, or refused.

Judged from what was read before, during and after, apart from the figures themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["valid", "degraded", "refused"]

OVERHEAD_MAX = 0.01  # of the median
OTHER_LOAD_MAX = 0.10  # CPUs that others kept busy
CLOCK_CHANGE_MAX = 0.05  # of a CPU's frequency, between readings under load
CLOCK_JUMP_MAX_S = 0.5  # wall clock against monotonic
THROTTLED_NOW = 0xF  # Raspberry Pi's get_throttled: bits 0-3 now, 16-19 since boot
THROTTLED_SINCE_BOOT = 0xF << 16
THROTTLED = ("undervoltage", "frequency capped", "throttled", "soft temperature limit")


@dataclass(frozen=True)
class Conditions:
    """What a device said about itself around a measurement; None: not known there.

    boot_ids, throttled: before and after; throttled as Raspberry Pi's firmware has its bits.
    frequencies_hz: of each CPU that ran the model, as read under load.
    temperature_drift_k_per_s, latency_drift: the latter relative, per second; only where beyond
    what the protocol allows.
    clock_jump_s: what the wall clock moved against the monotonic one.
    other_load: CPUs busy with other work.   overhead: of the timer, as a fraction of the median.
    settled: whether warming up ended because nothing drifted any more.
    complete: every window was measured.   outputs_hold: whether they were as expected.
    """

    boot_ids: tuple[str, str] | None = None
    throttled: tuple[int, int] | None = None
    frequencies_hz: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    temperature_drift_k_per_s: float | None = None
    latency_drift: float | None = None
    clock_jump_s: float | None = None
    other_load: float | None = None
    overhead: float | None = None
    settled: bool | None = None
    complete: bool = True
    outputs_hold: bool | None = None


@dataclass(frozen=True)
class Verdict:
    """kind, and a sentence for each reason that it is not valid."""

    kind: Kind
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """{kind, reasons}."""
        return {"kind": self.kind, "reasons": list(self.reasons)}


def judge(conditions: Conditions) -> Verdict:
    """Refused when the figures cannot be those of the model on this device; degraded when
    something may have moved them."""
    refusing = tuple(_refusing(conditions))
    if refusing:
        return Verdict("refused", refusing + tuple(_degrading(conditions)))
    degrading = tuple(_degrading(conditions))
    return Verdict("degraded", degrading) if degrading else Verdict("valid")


def throttle_reasons(bits: int) -> str:
    """The names of the bits 0-3 that are set."""
    return ", ".join(name for index, name in enumerate(THROTTLED) if bits >> index & 1)


def _refusing(conditions: Conditions) -> Iterator[str]:
    if conditions.boot_ids is not None and len(set(conditions.boot_ids)) > 1:
        yield "the device was booted again meanwhile"
    if conditions.outputs_hold is False:
        yield "the outputs are not the model's"
    if conditions.throttled is not None:
        before, after = conditions.throttled
        new = (after & ~before & THROTTLED_SINCE_BOOT) >> 16
        if new:
            yield f"the board throttled while measuring: {throttle_reasons(new)}"


def _degrading(conditions: Conditions) -> Iterator[str]:
    if not conditions.complete:
        yield "it ended before every window was measured"
    if conditions.throttled is not None:
        now = (conditions.throttled[0] | conditions.throttled[1]) & THROTTLED_NOW
        if now:
            yield f"the board is throttled: {throttle_reasons(now)}"
    yield from _clock_reasons(conditions)
    yield from _drift_reasons(conditions)
    if conditions.other_load is not None and conditions.other_load > OTHER_LOAD_MAX:
        yield f"other work kept {conditions.other_load:.2f} CPUs busy"
    if conditions.overhead is not None and conditions.overhead >= OVERHEAD_MAX:
        yield f"reading the clock is {conditions.overhead:.1%} of the median"


def _clock_reasons(conditions: Conditions) -> Iterator[str]:
    for cpu, readings in conditions.frequencies_hz.items():
        low, high = min(readings, default=0.0), max(readings, default=0.0)
        if high and (high - low) / high > CLOCK_CHANGE_MAX:
            yield f"{cpu} ran between {low / 1e6:,.0f} and {high / 1e6:,.0f} MHz"
    if conditions.clock_jump_s is not None and abs(conditions.clock_jump_s) > CLOCK_JUMP_MAX_S:
        yield f"the device's wall clock jumped by {conditions.clock_jump_s:+.1f} s"


def _drift_reasons(conditions: Conditions) -> Iterator[str]:
    if conditions.settled is False:
        yield "latency or temperature still drifted when the warm-up ended"
    if conditions.temperature_drift_k_per_s is not None:
        drift = conditions.temperature_drift_k_per_s
        yield f"temperature changed by {drift:+.2f} K/s while measuring"
    if conditions.latency_drift is not None:
        yield f"latency drifted by {conditions.latency_drift:+.2%} per second"
