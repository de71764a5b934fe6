"""How a Linux device is to be measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceOptions:
    """How a device is to be measured.

    runtime: "auto" measures those that are there and keeps the fastest whose outputs are right.
    threads: one measurement each.   affinity: CPUs to stay on, none named: all.
    protocol: a profile's name or file.   detach: only start the run.   run: one that was started
    before, to be followed from its beginning.
    """

    runtime: str = "auto"
    threads: tuple[int, ...] = (1,)
    affinity: tuple[int, ...] = ()
    lock_clocks: bool = False
    protocol: str = "latency"
    detach: bool = False
    run: str | None = None
