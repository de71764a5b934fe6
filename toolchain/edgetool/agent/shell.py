"""A board without Python: what a POSIX shell can tell of it, and how long a program takes there.

The scripts are fixed; paths and commands reach them as arguments and are never part of the text.
They keep to what BusyBox has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetool.agent.facts import Conditions, CpuCluster, Facts
from edgetool.agent.messages import Reader
from edgetool.errors import DeviceError
from edgetool.transports.transport import Transport

TICK_S = 0.01  # what /proc/uptime is told in
PROBE = r"""
say() { [ -n "$2" ] && printf '%s=%s\n' "$1" "$(printf %s "$2" | head -n 1 | tr -d '\000')"; }
first() { head -n 1 "$1" 2>/dev/null; }
say machine "$(uname -m)"
say kernel "$(uname -r)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
say os "$(. /etc/os-release 2>/dev/null; printf %s "$PRETTY_NAME")"
say boot_id "$(first /proc/sys/kernel/random/boot_id)"
say user "$(id -un 2>/dev/null)"
say memory_kb "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo 2>/dev/null)"
say available_kb "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo 2>/dev/null)"
mkdir -p "$1" 2>/dev/null
say free_kb "$(df -P -k "$1" 2>/dev/null | sed -n '2s/.* \([0-9]*\) *[0-9]*% .*/\1/p')"
[ -w "$1" ] && say writable yes || say writable no
say online "$(first /sys/devices/system/cpu/online)"
say model "$(first /proc/device-tree/model 2>/dev/null)"
for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
  governor=$(first "$cpu/cpufreq/scaling_governor")
  say "cpu${cpu##*/cpu}" "$governor"
done
exit 0
"""
TIME = r"""
runs=$1; shift
read -r begun _ </proc/uptime || exit 98
while [ "$runs" -gt 0 ]; do
  "$@" </dev/null >/dev/null || exit $?
  runs=$((runs - 1))
done
read -r ended _ </proc/uptime || exit 98
printf '%s %s\n' "$begun" "$ended"
"""
_UPTIME = re.compile(r"(\d{1,12}\.\d{2}) (\d{1,12}\.\d{2})")


@dataclass(frozen=True)
class TimedCommand:
    """seconds: of all runs, starting the program included, to the tick of 10 ms."""

    runs: int
    seconds: float

    @property
    def seconds_per_run(self) -> float:
        """The mean: a shell knows no single ones."""
        return self.seconds / self.runs


def probe_by_shell(transport: Transport, root: str = ".edgetool") -> Facts:
    """What a shell finds out of a device. Raises: LinkError, ProtocolError, DeviceError."""
    done = transport.run(("sh", "-c", PROBE, "sh", root))
    reader = Reader(transport.where)
    if done.exit_code != 0:
        raise DeviceError(
            f"the shell of {transport.where} answers with exit code {done.exit_code}",
            details=done.stderr.decode("utf-8", "replace").splitlines()[-3:],
            hints=("check that the user has a POSIX shell there",),
        )
    pairs = (line.partition("=") for line in done.text.splitlines()[:2000])
    return _facts({key: value for key, _, value in pairs}, reader)


def time_command(transport: Transport, command: Sequence[str], runs: int) -> TimedCommand:
    """Run a program so many times and take the time of all, on the device's uptime.

    Raises: LinkError; DeviceError when it fails or is done before the clock ticks.
    """
    limit_s = 60.0 + runs
    done = transport.run(("sh", "-c", TIME, "sh", str(runs), *command), timeout_s=limit_s)
    if done.exit_code != 0:
        raise DeviceError(
            f"'{command[0]}' on {transport.where} ended with exit code {done.exit_code}",
            details=done.stderr.decode("utf-8", "replace").splitlines()[-3:],
        )
    match = _UPTIME.fullmatch(done.text)
    if match is None:
        Reader(transport.where).refuse(f"{done.stdout[:80]!r} for two times")
    seconds = float(match[2]) - float(match[1])
    if seconds < TICK_S:
        raise DeviceError(
            f"{runs} runs of '{command[0]}' take less than the {TICK_S} s that a shell can tell",
            hints=("more runs",),
        )
    return TimedCommand(runs, seconds)


def _facts(said: Mapping[str, str], reader: Reader) -> Facts:
    known = {key: reader.text(said, key) for key in said if not key.startswith("cpu")}
    clusters = _clusters(said, reader)
    return Facts(
        reader.text(said, "machine"),
        reader.text(said, "kernel"),
        libc=known.get("libc"),
        os=known.get("os"),
        boot_id=known.get("boot_id"),
        user=known.get("user"),
        memory_bytes=_bytes(known.get("memory_kb")),
        memory_available_bytes=_bytes(known.get("available_kb")),
        disk_free_bytes=_bytes(known.get("free_kb")),
        writable=known.get("writable") == "yes",
        cpus_online=_numbers(known.get("online")),
        cpu_clusters=clusters,
        conditions=Conditions(cpu_clocks=clusters),
        board_model=known.get("model"),
    )


def _clusters(said: Mapping[str, str], reader: Reader) -> tuple[CpuCluster, ...]:
    """Cores by governor."""
    found: dict[str, list[int]] = {}
    for key in said:
        if re.fullmatch(r"cpu\d{1,4}", key):
            found.setdefault(reader.text(said, key), []).append(int(key[3:]))
    return tuple(CpuCluster(tuple(sorted(cpus)), name) for name, cpus in found.items())


def _bytes(kilobytes: str | None) -> int | None:
    known = kilobytes is not None and re.fullmatch(r"\d{1,15}", kilobytes)
    return int(kilobytes) * 1024 if kilobytes is not None and known else None


def _numbers(text: str | None) -> tuple[int, ...]:
    """(0, 1, 2, 5) of "0-2,5"."""
    found: list[int] = []
    for part in (text or "").split(","):
        ends = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)
        if ends:
            found += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
    return tuple(found)
