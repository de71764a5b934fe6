"""CPU cores: which kinds there are, which are online, and how their clocks are governed."""

import re

import system

CPUS = "/sys/devices/system/cpu"
FREQUENCIES = {
    "scaling_cur_freq": "clock_hz",
    "scaling_min_freq": "min_hz",
    "scaling_max_freq": "max_hz",
    "cpuinfo_max_freq": "hardware_max_hz",
}


def numbers(text):
    """[0, 1, 2, 5] of "0-2,5"."""
    found = []
    for part in (text or "").split(","):
        ends = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part.strip())
        if ends:
            found += range(int(ends.group(1)), int(ends.group(2) or ends.group(1)) + 1)
    return found


def online():
    """Numbers of the cores that run; empty where the kernel does not say."""
    return numbers(system.read_text(CPUS + "/online"))


def clusters(kinds):
    """Cores that are of one kind and share governor and limits, in one entry each: big, little."""
    found = []
    for cpu in online():
        about = dict(kinds.get(cpu, {}), **clock(cpu))
        current_hz = about.pop("clock_hz", None)
        for cluster in found:
            if cluster["about"] == about:
                break
        else:
            cluster = {"about": about, "cpus": [], "clock_hz": []}
            found.append(cluster)
        cluster["cpus"].append(cpu)
        if current_hz is not None:
            cluster["clock_hz"].append(current_hz)
    return [_entry(cluster) for cluster in found]


def clock(cpu):
    """A core's governor and frequencies, those that the kernel shows."""
    folder = "{}/cpu{}/cpufreq/".format(CPUS, cpu)
    found = {}
    governor = system.read_text(folder + "scaling_governor")
    if governor is not None:
        found["governor"] = governor
    for file, name in FREQUENCIES.items():
        kilohertz = system.read_number(folder + file)
        if kilohertz is not None:
            found[name] = kilohertz * 1000
    available = system.read_text(folder + "scaling_available_governors")
    if available is not None:
        found["governors"] = available.split()
    return found


def _entry(cluster):
    entry = dict(cluster["about"], cpus=cluster["cpus"])
    if cluster["clock_hz"]:
        entry["clock_hz"] = cluster["clock_hz"]
    return entry


def kinds():
    """cpu → what /proc/cpuinfo says of its kind: Arm's numbers, or a name."""
    found = {}
    text = system.read_text("/proc/cpuinfo", 1 << 20) or ""
    for block in re.split(r"\n\s*\n|\n(?=processor\s*:)", text):
        fields = dict(re.findall(r"^([^\t:]+?)\s*:[ \t]*(.*)$", block, re.MULTILINE))
        if fields.get("processor", "").isdigit():
            found[int(fields["processor"])] = _kind(fields)
    return found


def _kind(fields):
    kind = {}
    if "CPU part" in fields:
        kind["implementer"] = fields.get("CPU implementer", "")
        kind["part"] = fields["CPU part"]
    elif "model name" in fields:
        kind["model"] = fields["model name"]
    features = fields.get("Features", fields.get("flags"))
    if features is not None:
        kind["features"] = sorted(features.split())
    return kind
