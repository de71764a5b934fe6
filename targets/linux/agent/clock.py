"""The board's clocks. A duration is only ever taken from the monotonic one."""

import time


def monotonic_ns():
    """Since some moment before this boot's first process, in nanoseconds; never set back."""
    if hasattr(time, "monotonic_ns"):  # Python 3.7
        return getattr(time, "monotonic_ns")()  # noqa: B009  by its name only: 3.6 has none
    return int(time.monotonic() * 1e9)  # a double holds 0.1 µs after four months of uptime


def realtime_ns():
    """Since 1970, in nanoseconds, as far as the board knows."""
    return int(time.time() * 1e9)


def read(root):
    """The verb `clock`: both clocks, one straight after the other."""
    return {"monotonic_ns": monotonic_ns(), "realtime_ns": realtime_ns()}
