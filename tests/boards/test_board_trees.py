"""The trees that stand for boards say what targets/ says, and their commands answer."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from boards.machines import MACHINES
from boards.trees import TRTEXEC, write_tree
from edgetool.packs import find_target
from edgetool.runtimes.tensorrt.gpus import GPUS
from edgetool.runtimes.tensorrt.versions import parse_version

JETSONS = [name for name, machine in MACHINES.items() if machine.jetson]
PIS = [name for name in MACHINES if name.startswith("raspberry")]
CPU = "sys/devices/system/cpu"


def said(root: Path, command: str, *arguments: str) -> str:
    done = subprocess.run(
        [root / command, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("target", MACHINES)
def test_a_tree_shows_the_boards_cores_clock_and_memory(target: str, tmp_path: Path) -> None:
    root, machine, pack = write_tree(target, tmp_path), MACHINES[target], find_target(target)
    assert (root / "proc/cpuinfo").read_text().count("processor\t:") == machine.cores
    assert (root / "proc/device-tree/model").read_text() == f"{machine.model}\0"
    fastest = int((root / f"{CPU}/cpu0/cpufreq/cpuinfo_max_freq").read_text())
    if pack.clock_hz is not None:
        assert fastest * 1000 == pack.clock_hz
    if pack.ram_bytes is not None:
        assert 0.8 * pack.ram_bytes < machine.memory_kb * 1024 < pack.ram_bytes


@pytest.mark.parametrize("target", JETSONS)
def test_a_jetsons_power_modes_and_rails_are_its_targets(target: str, tmp_path: Path) -> None:
    root, jetson, pack = write_tree(target, tmp_path), MACHINES[target].jetson, find_target(target)
    assert jetson is not None
    assert [(mode.id, mode.name) for mode in pack.power_modes] == list(jetson.modes)
    rails = [rail.name for rails in jetson.sensors.values() for rail in rails]
    assert [name for name in rails if name != "NC"] == list(pack.sensors[0].rails)
    name, number = said(root, "usr/sbin/nvpmodel", "-q").split("\n")
    assert name == f"NV Power Mode: {dict(jetson.modes)[int(number)]}"


@pytest.mark.parametrize("target", JETSONS)
def test_a_jetsons_tensorrt_and_gpu_fit_its_target(target: str, tmp_path: Path) -> None:
    root, jetson, pack = write_tree(target, tmp_path), MACHINES[target].jetson, find_target(target)
    assert jetson is not None
    version = ".".join(map(str, jetson.tensorrt))
    assert f"TensorRT {version.rpartition('.')[0]}" in pack.description
    assert set(GPUS[jetson.sm].precisions) == set(pack.precisions)
    (library,) = (root / "usr/lib/aarch64-linux-gnu").glob("libnvinfer.so.*")
    assert str(parse_version(library.name)) == version
    assert str(parse_version((root / "var/lib/dpkg/status").read_text())) == version
    banner = subprocess.run([root / TRTEXEC], capture_output=True, text=True, timeout=60).stdout
    assert str(parse_version(banner)) == version


@pytest.mark.parametrize("target", PIS)
def test_only_a_pi_5_reads_its_rails(target: str, tmp_path: Path) -> None:
    root = write_tree(target, tmp_path)
    assert said(root, "usr/bin/vcgencmd", "get_throttled") == "throttled=0x0"
    done = subprocess.run(
        [root / "usr/bin/vcgencmd", "pmic_read_adc"], capture_output=True, text=True, timeout=60
    )
    pack = find_target(target)
    if not pack.sensors:
        assert done.returncode != 0
        assert "not registered" in done.stderr
        return
    currents = {line.split()[0][:-2] for line in done.stdout.split("\n") if "current(" in line}
    assert currents == set(pack.sensors[0].rails)


@pytest.mark.parametrize("target", JETSONS)
def test_tegrastats_says_the_rails_of_the_board(target: str, tmp_path: Path) -> None:
    root, jetson = write_tree(target, tmp_path), MACHINES[target].jetson
    assert jetson is not None
    with subprocess.Popen(
        [root / "usr/bin/tegrastats", "--interval", "10"], stdout=subprocess.PIPE, text=True
    ) as tegrastats:
        assert tegrastats.stdout is not None
        lines = [tegrastats.stdout.readline() for _ in range(2)]
        tegrastats.kill()
    assert lines == [f"{jetson.tegrastats}\n"] * 2
    first = next(iter(jetson.sensors.values()))
    assert all(rail.name in jetson.tegrastats for rail in first)


@pytest.mark.skipif(os.geteuid() != 0, reason="jetson_clocks and nvpmodel -m ask for root")
def test_clocks_are_locked_and_restored_and_a_mode_set(tmp_path: Path) -> None:
    root = write_tree("jetson-nano", tmp_path)
    low = root / f"{CPU}/cpu3/cpufreq/scaling_min_freq"
    assert low.read_text() == "102000\n"
    said(root, "usr/bin/jetson_clocks", "--store")
    said(root, "usr/bin/jetson_clocks")
    assert low.read_text() == "1479000\n"
    said(root, "usr/bin/jetson_clocks", "--restore")
    assert low.read_text() == "102000\n"
    said(root, "usr/sbin/nvpmodel", "-m", "1")
    assert said(root, "usr/sbin/nvpmodel", "-q") == "NV Power Mode: 5W\n1"


def test_trees_are_the_same_each_time(tmp_path: Path) -> None:
    def files(folder: Path) -> dict[str, Any]:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    once, again = (files(write_tree("jetson-agx-orin", tmp_path / n)) for n in ("a", "b"))
    assert once == again
    assert json.loads(once["usr/sbin/nvpmodel.json"])["mode"] == 0
