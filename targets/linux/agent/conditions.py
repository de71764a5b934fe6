"""What a board's speed depends on at this moment: clocks, temperatures, throttling, power mode.

Read before and after whatever is timed. What the board does not show is absent, and never 0.
"""

import glob
import os
import re

import processors
import system
import tools

GPUS = re.compile(r"(^|\.)(gpu|gp10b|gv11b|ga10b|gb10b)$")
DEVFREQ = "/sys/class/devfreq"
MEMORY_CLOCKS = (  # readable by root alone
    "/sys/kernel/debug/bpmp/debug/clk/emc/rate",
    "/sys/kernel/debug/clk/override.emc/clk_rate",
    "/sys/kernel/debug/clk/emc/clk_rate",
)
MODE = re.compile(r"NV Power Mode:\s*(\S+)\s+(\d+)")
MODES = re.compile(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>")


def read(root):
    """The verb `conditions`."""
    found = {
        "cpu_clocks": processors.clusters({}),
        "temperatures": temperatures(),
        "gpu": gpu_clock(),
        "memory_clock_hz": memory_clock_hz(),
        "throttled": throttled(),
        "power_mode": power_mode(),
        "load": load(),
    }
    return {key: value for key, value in found.items() if value is not None}


def temperatures():
    """{"zone", "temperature_c"} of each thermal zone that answers."""
    found = []
    for folder in sorted(glob.glob(system.at("/sys/class/thermal/thermal_zone*"))):
        below = folder[len(system.at("/")) - 1 :]
        millidegrees = system.read_number(below + "/temp")
        if millidegrees is not None:  # some answer EAGAIN while their device sleeps
            zone = system.read_text(below + "/type") or os.path.basename(folder)
            found.append({"zone": zone, "temperature_c": millidegrees / 1000.0})
    return found


def gpu_clock():
    """A Jetson's GPU: its device, governor and clock; None without one."""
    for name in system.names(DEVFREQ):
        if GPUS.search(name):
            folder = "{}/{}/".format(DEVFREQ, name)
            found = {
                "device": name,
                "governor": system.read_text(folder + "governor"),
                "clock_hz": system.read_number(folder + "cur_freq"),
                "min_hz": system.read_number(folder + "min_freq"),
                "max_hz": system.read_number(folder + "max_freq"),
            }
            return {key: value for key, value in found.items() if value is not None}
    return None


def memory_clock_hz():
    """Of a Jetson's EMC, which alone moves latency by tens of percent; None where none may see."""
    for path in MEMORY_CLOCKS:
        hertz = system.read_number(path)
        if hertz is None and os.geteuid() != 0 and power_mode_tool():
            hertz = system.number_in((tools.as_root("cat", system.at(path)) or (1, ""))[1])
        if hertz is not None:
            return hertz
    return None


def throttled():
    """A Raspberry Pi's throttle bits: 0 to 3 now, 16 to 19 since it booted; None elsewhere."""
    answer = re.fullmatch(
        r"throttled=0x([0-9a-fA-F]{1,8})", tools.ask("vcgencmd", "get_throttled") or ""
    )
    return int(answer.group(1), 16) if answer else None


def power_mode():
    """A Jetson's {"id", "name"}, as nvpmodel says; None elsewhere."""
    if not power_mode_tool():
        return None
    for done in (tools.run("nvpmodel", "-q"), tools.as_root("nvpmodel", "-q")):
        found = MODE.search(done[1]) if done else None
        if found:
            return {"id": int(found.group(2)), "name": found.group(1)}
    return None


def power_modes():
    """Those that a Jetson can be set to; empty elsewhere."""
    text = system.read_text("/etc/nvpmodel.conf", 1 << 20) or ""
    return [{"id": int(number), "name": name} for number, name in MODES.findall(text)]


def power_mode_tool():
    """Whether this is a board with power modes."""
    return tools.find("nvpmodel") is not None


def load():
    """Processes that want to run, averaged over a minute; None where the kernel does not say."""
    text = (system.read_text("/proc/loadavg") or "").split(" ")[0]
    return float(text) if re.fullmatch(r"\d+\.\d+", text) else None
