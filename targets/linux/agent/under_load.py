"""What a device says while it measures: cheap enough to read between windows.

What it does not say is left out.
"""

import glob
import os
import re
import time

import conditions
import system


def forensics(root):
    """What has to be the same, or explained, before and after."""
    found = conditions.read(root)
    found.update(
        monotonic_s=time.monotonic(),
        wall_s=time.time(),
        boot_id=system.boot_id(),
        governor=governors(),
    )
    return known(found)


def sensors():
    """Clocks and temperatures of the CPUs."""
    return known({"frequencies_hz": frequencies(), "temperatures_c": temperatures()})


def busy(pids):
    """CPU seconds that everybody, and these processes, have used so far; {} where not known."""
    tick = float(os.sysconf("SC_CLK_TCK"))
    line = (system.read_text("/proc/stat") or "").split("\n")[0].split()
    if len(line) < 8 or line[0] != "cpu":
        return {}
    user, nice, kernel, _, _, interrupts, soft = [int(value) for value in line[1:8]]
    return {
        "all_s": (user + nice + kernel + interrupts + soft) / tick,
        "own_s": sum(process_ticks(pid) for pid in pids) / tick,
        "at_s": time.monotonic(),
    }


def process_ticks(pid):
    """Of user and system time, children left out; 0 when it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as stream:
            fields = stream.read().rpartition(")")[2].split()
    except (IOError, OSError):
        return 0
    return int(fields[11]) + int(fields[12]) if len(fields) > 12 else 0


def frequencies():
    """Of each CPU, in hertz."""
    found = {}
    for path in sorted(glob.glob(system.at("/sys/devices/system/cpu/cpu[0-9]*"))):
        value = number(read(path, "cpufreq/scaling_cur_freq"))
        if value is not None:
            found[os.path.basename(path)] = value * 1000
    return found


def governors():
    """The CPUs' frequency governors, each named once; None without."""
    pattern = system.at("/sys/devices/system/cpu/cpu[0-9]*/cpufreq")
    words = sorted({read(path, "scaling_governor") or "" for path in glob.glob(pattern)})
    return ", ".join(word for word in words if word) or None


def temperatures():
    """Of each thermal zone, in degrees Celsius, by its type."""
    found = {}
    for path in sorted(glob.glob(system.at("/sys/class/thermal/thermal_zone*"))):
        value = number(read(path, "temp"))
        if value is not None and value > -100000:
            name = read(path, "type") or os.path.basename(path)
            found[name if name not in found else os.path.basename(path)] = value / 1000.0
    return found


def read(folder, name):
    """A small file's text, None where it cannot be read."""
    try:
        with open(os.path.join(folder, name), errors="replace") as stream:
            return stream.read(4096).strip()
    except (IOError, OSError):
        return None


def number(text):
    """A whole number, None for anything else."""
    return int(text) if text and re.match(r"^-?\d+$", text) else None


def known(found):
    """Without what is None or empty."""
    return {name: value for name, value in found.items() if value not in (None, "", {})}
