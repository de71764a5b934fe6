"""A probe finds what each board shows, in its own units, and nothing that is not there."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from board_processes import kill, processes_in
from boards.machines import MACHINES, PMIC
from boards.trees import write_tree
from edgetool.agent import AgentClient, Facts, probe_device, read_conditions
from edgetool.agent.facts import read_facts
from edgetool.agent.messages import Reader
from edgetool.errors import ProtocolError
from edgetool.packs import find_target
from edgetool.transports.local import LocalTransport

JETSONS = [name for name, machine in MACHINES.items() if machine.jetson]
PIS = [name for name in MACHINES if name.startswith("raspberry")]
Probe = Callable[[Path], Facts]


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[Probe]:
    """probe(root) asks an agent that takes root for the board's "/"."""
    home = tmp_path / "home"
    home.mkdir()

    def ask(root: Path) -> Facts:
        with AgentClient(LocalTransport(home), system_root=str(root)) as client:
            return probe_device(client)

    yield ask
    kill(processes_in(home))


@pytest.mark.parametrize("target", MACHINES)
def test_probe_finds_cores_memory_clocks_and_temperatures(
    target: str, tmp_path: Path, probe: Probe
) -> None:
    machine, facts = MACHINES[target], probe(write_tree(target, tmp_path / "root"))
    (cluster,) = facts.cpu_clusters
    assert cluster.cpus == facts.cpus_online == tuple(range(machine.cores))
    assert (cluster.part, cluster.max_hz) == (
        f"{machine.core.part:#05x}",
        machine.core.max_khz * 1000,
    )
    assert cluster.governor == machine.governor
    assert ("asimddp" in cluster.features) == machine.core.dot_product
    assert facts.memory_bytes == machine.memory_kb * 1024
    assert facts.board_model == machine.model
    assert facts.compatible == machine.compatible
    wanted = {zone: value / 1000 for zone, value in machine.thermal.items()}
    assert dict(facts.conditions.temperatures_c) == wanted


@pytest.mark.parametrize("target", JETSONS)
def test_probe_finds_a_jetsons_gpu_tensorrt_power_mode_and_rails(
    target: str, tmp_path: Path, probe: Probe
) -> None:
    jetson, facts = MACHINES[target].jetson, probe(write_tree(target, tmp_path / "root"))
    assert jetson is not None
    assert facts.compute_capability == jetson.sm
    assert facts.tensorrt == ".".join(map(str, jetson.tensorrt))
    assert str(facts.trtexec).endswith("/usr/src/tensorrt/bin/trtexec")
    assert [(mode.id, mode.name) for mode in facts.power_modes] == list(jetson.modes)
    mode, gpu = facts.conditions.power_mode, facts.conditions.gpu
    assert mode is not None
    assert (mode.id, mode.name) == (jetson.mode, dict(jetson.modes)[jetson.mode])
    assert gpu is not None
    assert (gpu.device, gpu.clock_hz) == (jetson.gpu, jetson.gpu_hz)
    assert facts.conditions.memory_clock_hz == jetson.emc_hz
    assert str(facts.l4t) == f"{jetson.release[3:5]}.{jetson.release.split('REVISION: ')[1][:3]}"
    assert facts.conditions.throttled is None


@pytest.mark.parametrize("target", JETSONS)
def test_probe_reads_the_rails_of_both_drivers(target: str, tmp_path: Path, probe: Probe) -> None:
    jetson, facts = MACHINES[target].jetson, probe(write_tree(target, tmp_path / "root"))
    assert jetson is not None
    rails = {rail.name: rail for rails in jetson.sensors.values() for rail in rails}
    rails.pop("NC", None)
    assert (
        {rail.name for rail in facts.rails}
        == set(rails)
        == set(find_target(target).sensors[0].rails)
    )
    for found in facts.rails:
        wanted = rails[found.name]
        assert found.voltage_v == pytest.approx(wanted.millivolts / 1000)
        assert found.current_a == pytest.approx(wanted.milliamperes / 1000)
        assert found.power_w == pytest.approx(
            wanted.millivolts * wanted.milliamperes / 1e6, abs=1e-3
        )


@pytest.mark.parametrize("target", PIS)
def test_probe_finds_a_pis_throttle_bits_and_no_rails_but_a_pi_5s(
    target: str, tmp_path: Path, probe: Probe
) -> None:
    facts = probe(write_tree(target, tmp_path / "root"))
    assert facts.conditions.throttled == 0
    assert facts.conditions.power_mode is facts.conditions.memory_clock_hz is None
    assert (facts.tensorrt, facts.compute_capability, facts.power_modes) == (None, None, ())
    if target != "raspberry-pi-5":
        assert facts.rails == ()
        return
    assert {rail.name for rail in facts.rails} == {
        line.split()[0][:-2] for line in PMIC.splitlines()
    }
    by_name = {rail.name: rail for rail in facts.rails}
    assert by_name["VDD_CORE"].power_w == pytest.approx(1.4288 * 0.9065925)
    assert (by_name["EXT5V"].current_a, by_name["EXT5V"].power_w) == (None, None)


def test_big_and_little_cores_are_two_clusters(tmp_path: Path, probe: Probe) -> None:
    root = write_tree("raspberry-pi-4", tmp_path / "root")
    cpus = root / "sys/devices/system/cpu"
    (cpus / "cpu3/cpufreq/scaling_max_freq").write_text("900000\n")
    (cpus / "online").write_text("0-1,3\n")
    facts = probe(root)
    assert [cluster.cpus for cluster in facts.cpu_clusters] == [(0, 1), (3,)]
    assert [cluster.max_hz for cluster in facts.cpu_clusters] == [1_500_000_000, 900_000_000]


def test_nothing_is_made_up_where_nothing_is_shown(tmp_path: Path, probe: Probe) -> None:
    (tmp_path / "root").mkdir()
    facts = probe(tmp_path / "root")
    assert facts.machine == os.uname().machine
    assert facts.conditions.cpu_clocks == facts.cpu_clusters == facts.rails == facts.tools == ()
    assert facts.memory_bytes is facts.os is facts.boot_id is facts.board_model is None
    assert facts.conditions.temperatures_c == ()
    assert facts.conditions.load is None


def test_unreadable_and_odd_files_are_absent(tmp_path: Path, probe: Probe) -> None:
    root = write_tree("jetson-nano", tmp_path / "root")
    (root / "sys/class/thermal/thermal_zone0/temp").write_bytes(b"\xff\xfe")
    (root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").write_text("<unknown>\n")
    (root / "proc/meminfo").write_text("MemTotal: lots\n")
    (root / "usr/sbin/nvpmodel").write_text("#!/bin/sh\nexit 3\n")
    shutil.rmtree(root / "sys/bus")
    facts = probe(root)
    assert [zone for zone, _ in facts.conditions.temperatures_c] == ["GPU-therm", "PMIC-Die"]
    assert len(facts.conditions.cpu_clocks[0].clock_hz) == 3
    assert facts.memory_bytes is None
    assert facts.conditions.power_mode is None
    assert facts.rails == ()


def test_tensorrt_is_found_by_package_header_or_library(tmp_path: Path, probe: Probe) -> None:
    root = write_tree("jetson-orin-nano", tmp_path / "root")
    (root / "var/lib/dpkg/status").unlink()
    assert probe(root).tensorrt == "10.3.0"  # by the library's name
    header = root / "usr/include/aarch64-linux-gnu/NvInferVersion.h"
    header.parent.mkdir(parents=True)
    names = ("MAJOR 10", "MINOR 7", "PATCH 1")
    header.write_text("".join(f"#define NV_TENSORRT_{name} //!< x\n" for name in names))
    assert probe(root).tensorrt == "10.7.1"


def test_this_machine_says_what_it_is(tmp_path: Path) -> None:
    with AgentClient(LocalTransport(tmp_path), python=sys.executable) as client:
        facts = probe_device(client)
    assert facts.python is not None
    assert facts.kernel == os.uname().release
    assert facts.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert facts.cpus_online
    assert facts.disk_free_bytes
    assert facts.writable is True
    assert "onnxruntime" in {runtime.name for runtime in facts.runtimes}


def test_conditions_are_asked_for_alone(tmp_path: Path) -> None:
    root = write_tree("raspberry-pi-5", tmp_path / "root")
    with AgentClient(LocalTransport(tmp_path), system_root=str(root)) as client:
        first = read_conditions(client)
        (root / "sys/class/thermal/thermal_zone0/temp").write_text("85500\n")
        second = read_conditions(client)
    assert first.temperatures_c == (("cpu-thermal", 48.312),)
    assert second.temperatures_c == (("cpu-thermal", 85.5),)
    assert first.cpu_clocks == second.cpu_clocks


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"system": 5},
        {"system": {"machine": "aarch64\x1b[2J", "kernel": "6"}},
        {"system": {"machine": "a" * 500, "kernel": "6"}},
        {"system": {"machine": "aarch64", "kernel": "6"}, "rails": [1]},
        {"system": {"machine": "aarch64", "kernel": "6"}, "memory": {"total_bytes": -1}},
        {"system": {"machine": "aarch64", "kernel": "6"}, "memory": {"total_bytes": True}},
        {"system": {"machine": "aarch64", "kernel": "6"}, "tools": {"a": ["b"]}},
        {"system": {"machine": "aarch64", "kernel": "6"}, "prepared": ["x"] * 5000},
    ],
)
def test_hostile_answers_are_refused(answer: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="never does"):
        read_facts(answer, Reader("pi@pi5"))
