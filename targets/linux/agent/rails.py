"""Power rails that the board measures itself: INA3221 on Jetsons, the PMIC of a Raspberry Pi 5.

JetPack 4's driver shows milliwatts in iio:device*/in_powerN_input; JetPack 5 and 6 show millivolts
and milliamperes below hwmon, where numbers move between boots: rails are found by their label.
"""

import glob
import os
import re

import system
import tools

IIO = "/sys/bus/i2c/drivers/ina3221x/*/iio:device*"
HWMON = "/sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*"
UNCONNECTED = "NC"
PMIC_LINE = re.compile(r"\s*(\w+)_([AV])\s+(?:current|volt)\(\d+\)=([0-9.]+)[AV]")


def read():
    """{"sensor", "name", "voltage_v", "current_a", "power_w"} of each rail, what is known of it."""
    return _iio_rails() + _hwmon_rails() + _pmic_rails()


def _iio_rails():
    found = []
    for path in _paths(IIO + "/rail_name_*"):
        folder, number = os.path.dirname(path), path.rpartition("_")[2]
        milli = {
            "power_w": system.read_number(folder + "/in_power{}_input".format(number)),
            "voltage_v": system.read_number(folder + "/in_voltage{}_input".format(number)),
            "current_a": system.read_number(folder + "/in_current{}_input".format(number)),
        }
        found.append(_rail("ina3221", system.read_text(path), milli))
    return [rail for rail in found if rail]


def _hwmon_rails():
    found = []
    for path in _paths(HWMON + "/in*_label"):
        folder, number = os.path.dirname(path), re.sub(r"\D", "", os.path.basename(path))
        milli = {
            "voltage_v": system.read_number(folder + "/in{}_input".format(number)),
            "current_a": system.read_number(folder + "/curr{}_input".format(number)),
        }
        if None not in milli.values():  # in7 is a sum of shunt voltages and has no current
            found.append(_rail("ina3221", system.read_text(path), milli))
    return [rail for rail in found if rail]


def _rail(sensor, name, milli):
    """A rail from thousandths; None for a channel that nothing is connected to."""
    if not name or name == UNCONNECTED:
        return None
    rail = {key: value / 1000.0 for key, value in milli.items() if value is not None}
    if "power_w" not in rail and {"voltage_v", "current_a"} <= set(rail):
        rail["power_w"] = rail["voltage_v"] * rail["current_a"]
    return dict(rail, sensor=sensor, name=name) if rail else None


def _pmic_rails():
    """A Pi 5's; older ones do not know the command."""
    answer = tools.ask("vcgencmd", "pmic_read_adc") or ""
    found = {}
    for name, unit, value in PMIC_LINE.findall(answer):
        rail = found.setdefault(name, {"sensor": "pmic", "name": name})
        rail["current_a" if unit == "A" else "voltage_v"] = float(value)
    for rail in found.values():
        if "current_a" in rail and "voltage_v" in rail:
            rail["power_w"] = rail["current_a"] * rail["voltage_v"]
    return sorted(found.values(), key=lambda rail: rail["name"])


def _paths(pattern):
    return sorted(path[len(system.at("/")) - 1 :] for path in glob.glob(system.at(pattern)))
