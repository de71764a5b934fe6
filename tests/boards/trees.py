"""A board's /sys, /proc, /etc and commands as a folder: the root prefix that a probe reads below.

Written from the tables of machines.py. Its commands are in usr/bin and where JetPack has them,
and run on any machine with a Python.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from boards.machines import MACHINES, Core, Jetson, Machine, Rail

SCRIPTS = Path(__file__).with_name("scripted")
TRTEXEC = "usr/src/tensorrt/bin/trtexec"
CPU = "sys/devices/system/cpu"
DEVICE_TREE = "sys/firmware/devicetree/base"
# What the scripted trtexec says of its model; a test gives it the outputs of a model of its own.
MODEL = {
    "inputs": {"input": 256},
    "outputs": [{"name": "output", "dimensions": "1x4", "values": [0.1, -2.5, 3e-05, 7.0]}],
    "layers": [
        ["Reformatting CopyNode for Input Tensor 0 to conv1 + relu1", 0.05],
        ["conv1 + relu1", 0.8],
        ["fc1", 0.15],
    ],
    "compute_ms": 1.0,
    "copy_ms": 0.125,
}


def write_tree(target: str, root: Path, **trtexec: Any) -> Path:
    """Write the board of a target below root, which is new.   trtexec: changes of MODEL."""
    machine = MACHINES[target]
    _write(root, {**_device_tree(machine), **_processor(machine), **_thermal(machine)})
    if machine.vcgencmd:
        install(root / "usr/bin/vcgencmd", machine.vcgencmd)
    if machine.jetson:
        _write(root, _jetson_files(machine.jetson))
        _jetson_commands(root, machine.jetson, trtexec)
    return root


def install(path: Path, settings: Mapping[str, Any]) -> None:
    """A scripted command with what it is to say, in a file beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((SCRIPTS / f"{path.name}.py").read_text())
    path.chmod(0o755)
    path.with_name(f"{path.name}.json").write_text(json.dumps(settings))


def install_trtexec(
    path: Path, version: tuple[int, int, int], sm: str, int8: bool, **changes: Any
) -> None:
    """A trtexec of a version on a GPU; changes: of MODEL."""
    settings = {**MODEL, "tensorrt": version, "sm": sm, "int8": int8, **changes}
    install(path, settings)


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _device_tree(machine: Machine) -> dict[str, str]:
    """Strings of a device tree end with NUL. /proc/device-tree is a link to this on a board."""
    strings = {
        "model": f"{machine.model}\0",
        "compatible": "".join(f"{name}\0" for name in machine.compatible),
    }
    places = (DEVICE_TREE, "proc/device-tree")
    return {f"{place}/{name}": text for place in places for name, text in strings.items()}


def _processor(machine: Machine) -> dict[str, str]:
    last = machine.cores - 1
    files = {
        "proc/cpuinfo": "\n".join(_core_entry(machine.core, n) for n in range(machine.cores)),
        "proc/meminfo": f"MemTotal:       {machine.memory_kb} kB\n"
        f"MemFree:        {machine.memory_kb // 2} kB\n"
        f"MemAvailable:   {machine.memory_kb * 3 // 4} kB\n",
        **{f"{CPU}/{name}": f"0-{last}\n" for name in ("online", "possible", "present")},
    }
    for number in range(machine.cores):
        files |= {
            f"{CPU}/cpu{number}/cpufreq/{name}": f"{value}\n"
            for name, value in _clock(machine).items()
        }
    return files


def _core_entry(core: Core, number: int) -> str:
    """As arch/arm64/kernel/cpuinfo.c prints it."""
    features = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
    if core.dot_product:
        features += " atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
    return (
        f"processor\t: {number}\nBogoMIPS\t: 108.00\nFeatures\t: {features}\n"
        f"CPU implementer\t: {core.implementer:#x}\nCPU architecture: 8\nCPU variant\t: 0x0\n"
        f"CPU part\t: {core.part:#05x}\nCPU revision\t: 3\n"
    )


def _clock(machine: Machine) -> dict[str, object]:
    core = machine.core
    return {
        "scaling_governor": machine.governor,
        "scaling_available_governors": f"{machine.governor} performance powersave userspace",
        "scaling_cur_freq": core.max_khz,
        "scaling_max_freq": core.max_khz,
        "scaling_min_freq": core.min_khz,
        "cpuinfo_max_freq": core.max_khz,
        "cpuinfo_min_freq": core.min_khz,
    }


def _thermal(machine: Machine) -> dict[str, str]:
    files = {}
    for number, (kind, temperature) in enumerate(machine.thermal.items()):
        zone = f"sys/class/thermal/thermal_zone{number}"
        files |= {f"{zone}/type": f"{kind}\n", f"{zone}/temp": f"{temperature}\n"}
    return files


def _jetson_files(jetson: Jetson) -> dict[str, str]:
    gpu = f"sys/class/devfreq/{jetson.gpu}"
    major = jetson.tensorrt[0]
    version = ".".join(map(str, jetson.tensorrt))
    modes = "".join(f"< POWER_MODEL ID={n} NAME={name} >\n" for n, name in jetson.modes)
    return {
        "etc/nv_tegra_release": f"{jetson.release}\n",
        "etc/nvpmodel.conf": modes + f"< PM_CONFIG DEFAULT={jetson.mode} >\n",
        f"{gpu}/cur_freq": f"{jetson.gpu_hz}\n",
        f"{gpu}/max_freq": f"{jetson.gpu_hz}\n",
        f"{gpu}/governor": "nvhost_podgov\n",
        f"sys/kernel/{jetson.emc}": f"{jetson.emc_hz}\n",
        f"usr/lib/aarch64-linux-gnu/libnvinfer.so.{version}": "",
        "var/lib/dpkg/status": f"Package: libnvinfer{major}\nStatus: install ok installed\n"
        f"Architecture: arm64\nVersion: {version}-1+cuda{jetson.cuda}\n\n",
        **_sensors(jetson),
    }


def _sensors(jetson: Jetson) -> dict[str, str]:
    files: dict[str, str] = {}
    for name, rails in jetson.sensors.items():
        place = f"sys/bus/i2c/drivers/{name}"
        files |= _iio_sensor(place, rails) if "iio" in name else _hwmon_sensor(place, rails)
    return files


def _iio_sensor(place: str, rails: Sequence[Rail]) -> dict[str, str]:
    """JetPack 4's driver ina3221x: power in mW, rails counted from 0."""
    files = {f"{place}/name": "ina3221x\n"}
    for number, rail in enumerate(rails):
        files |= {
            f"{place}/rail_name_{number}": f"{rail.name}\n",
            f"{place}/in_voltage{number}_input": f"{rail.millivolts}\n",
            f"{place}/in_current{number}_input": f"{rail.milliamperes}\n",
            f"{place}/in_power{number}_input": f"{rail.milliwatts}\n",
        }
    return files


def _hwmon_sensor(place: str, rails: Sequence[Rail]) -> dict[str, str]:
    """The kernel's driver ina3221: mV and mA, rails from 1, and in7, the sum of shunt voltages."""
    files = {f"{place}/name": "ina3221\n", f"{place}/in7_label": "sum of shunt voltages\n"}
    files[f"{place}/in7_input"] = "12\n"
    for number, rail in enumerate(rails, 1):
        files |= {
            f"{place}/in{number}_label": f"{rail.name}\n",
            f"{place}/in{number}_input": f"{rail.millivolts}\n",
            f"{place}/curr{number}_input": f"{rail.milliamperes}\n",
        }
    return files


def _jetson_commands(root: Path, jetson: Jetson, trtexec: Mapping[str, Any]) -> None:
    install_trtexec(root / TRTEXEC, jetson.tensorrt, jetson.sm, jetson.int8, **trtexec)
    install(root / "usr/bin/tegrastats", {"line": jetson.tegrastats})
    install(root / "usr/bin/jetson_clocks", {})
    modes = [list(mode) for mode in jetson.modes]
    install(root / "usr/sbin/nvpmodel", {"modes": modes, "mode": jetson.mode})
