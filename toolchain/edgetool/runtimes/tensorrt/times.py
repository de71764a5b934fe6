"""Latencies out of trtexec --exportTimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgetool.errors import ProtocolError
from edgetool.figures import Series
from edgetool.runtimes.tensorrt.records import number_in, read_records

WHAT = "--exportTimes"
SOURCE = "trtexec --exportTimes"
MS = 1e-3
# A float32 in the file has six digits; parts that were rounded apart still have to add up.
ROUNDING_MS = 1e-2
ROUNDING = 1e-3


@dataclass(frozen=True)
class TimingTrace:
    """Inferences in the order in which they ran, warm-up left out; seconds.

    latency_s: input copied, computed, output copied.   compute_s: on the GPU alone.
    h2d_s, d2h_s: the copies, 0 where copying was switched off.   enqueue_s: the host's share.
    """

    latency_s: tuple[float, ...]
    compute_s: tuple[float, ...]
    h2d_s: tuple[float, ...]
    d2h_s: tuple[float, ...]
    enqueue_s: tuple[float, ...]

    def series(self) -> dict[str, Series]:
        """latency, compute, enqueue, h2d and d2h as measured samples."""
        columns = {
            "latency": self.latency_s,
            "compute": self.compute_s,
            "enqueue": self.enqueue_s,
            "h2d": self.h2d_s,
            "d2h": self.d2h_s,
        }
        return {name: Series(values, "s", "measured", SOURCE) for name, values in columns.items()}


def parse_times(data: bytes, *, warm_up_ms: float) -> TimingTrace:
    """The samples behind trtexec's own summary.

    warm_up_ms: as given to --warmUp. TensorRT 8.2 writes the warm-up into the file too, later
    versions leave it out; as trtexec does itself, the first inference whose computing starts at
    or after it is the first that counts.
    Raises: ProtocolError for a file that is not such a trace, or has no inference that counts.
    """
    records = read_records(data, WHAT)
    started = [number_in(record, "startComputeMs", WHAT) for record in records]
    first = next((i for i, start in enumerate(started) if start >= warm_up_ms), None)
    if first is None:
        raise ProtocolError(
            f"trtexec {WHAT} has no inference after a warm-up of {warm_up_ms:g} ms",
            hints=("measure for longer",),
        )
    return _trace([_one(record) for record in records[first:]])


def _one(record: Mapping[str, Any]) -> tuple[float, float, float, float, float]:
    """latency, compute, h2d, d2h and enqueue of an inference in seconds."""
    h2d, compute, d2h = (number_in(record, f"{part}Ms", WHAT) for part in ("h2d", "compute", "d2h"))
    latency = number_in(record, "latencyMs", WHAT)
    if abs(latency - (h2d + compute + d2h)) > ROUNDING_MS + ROUNDING * latency:
        raise ProtocolError(f"trtexec {WHAT}: latencyMs {latency:g} is not the sum of its parts")
    enqueue = number_in(record, "endEnqMs", WHAT) - number_in(record, "startEnqMs", WHAT)
    if enqueue < 0:
        raise ProtocolError(f"trtexec {WHAT}: an inference was enqueued before it began to be")
    return latency * MS, compute * MS, h2d * MS, d2h * MS, enqueue * MS


def _trace(rows: Sequence[tuple[float, float, float, float, float]]) -> TimingTrace:
    latency, compute, h2d, d2h, enqueue = zip(*rows, strict=True)
    return TimingTrace(latency, compute, h2d, d2h, enqueue)
