"""What a target's description says beside what a device says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetool.agent.facts import Facts, InstalledRuntime, PowerMode, Rail
from edgetool.devices.check import Checked, judge_target
from edgetool.packs import find_target

PI5_RAILS = find_target("raspberry-pi-5").sensors[0].rails
PI5 = Facts(
    machine="aarch64",
    kernel="6.12.25+rpt-rpi-2712",
    python="3.11.2",
    bits=64,
    memory_bytes=8_454_000_000,
    rails=tuple(Rail("pmic", name, power_w=0.1) for name in PI5_RAILS),
    runtimes=(InstalledRuntime("litert", "ai_edge_litert", "2.3.0", "/usr/lib/python3"),),
)
NANO = Facts(
    machine="aarch64",
    kernel="4.9.337-tegra",
    python="3.6.9",
    bits=64,
    memory_bytes=4_156_932_096,
    rails=tuple(Rail("ina3221", n) for n in ("POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU")),
    compute_capability="5.3",
    power_modes=(PowerMode(0, "MAXN"), PowerMode(1, "5W")),
    trtexec="/usr/src/tensorrt/bin/trtexec",
    tensorrt="8.2.1",
)


def verdicts(target: str, facts: Facts) -> dict[str, str]:
    return {each.name: each.verdict for each in judge_target(find_target(target), facts)}


def test_what_a_board_says_of_itself_makes_its_description_true() -> None:
    found = verdicts("raspberry-pi-5", PI5)
    assert found["architecture"] == found["runtime litert"] == found["sensor da9091"] == "true"
    assert found["runtime onnxruntime"] == "can be sent"
    assert "untrue" not in verdicts("jetson-nano", NANO).values()


@pytest.mark.parametrize(
    ("target", "facts", "name", "fix"),
    [
        ("raspberry-pi-5", replace(PI5, machine="x86_64"), "architecture", "edgetool targets"),
        ("raspberry-pi-5", replace(PI5, bits=32), "architecture", "64-bit system"),
        ("raspberry-pi-5", replace(PI5, machine="armv7l"), "architecture", "64-bit system"),
        ("raspberry-pi-5", replace(PI5, python=None), "runtime onnxruntime", "python3"),
        ("raspberry-pi-5", replace(PI5, rails=PI5.rails[1:]), "sensor da9091", PI5_RAILS[0]),
        ("jetson-nano", replace(NANO, memory_bytes=2 << 30), "RAM", "ram_bytes"),
        ("jetson-nano", replace(NANO, trtexec=None), "runtime tensorrt", "apt install tensorrt"),
        ("jetson-nano", replace(NANO, power_modes=NANO.power_modes[:1]), "power modes", "nvpmodel"),
        ("jetson-orin-nano", NANO, "precisions", "without int8"),
    ],
)
def test_what_is_untrue_is_named_with_what_to_do(
    target: str, facts: Facts, name: str, fix: str
) -> None:
    judged = judge_target(find_target(target), facts)
    untrue = {each.name: each for each in judged if each.verdict == "untrue"}
    assert name in untrue
    assert fix in untrue[name].fix
    assert untrue[name].found


def test_what_a_device_cannot_say_is_not_called_untrue() -> None:
    assert verdicts("jetson-nano", replace(NANO, memory_bytes=None))["RAM"] == "not known"


def test_a_clock_that_is_off_is_a_note_and_no_untruth() -> None:
    checked = Checked(PI5, (), clock_offset_s=-86400.0, clock_uncertainty_s=0.001)
    assert checked.untrue == ()
    assert "-86400.0 s off" in checked.notes[0]
    assert Checked(PI5, (), 0.5, 0.001).notes == ()
