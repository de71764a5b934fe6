"""From an artifact to figures on an aarch64 board over SSH: deploy, prove, profile, reboot.

The board's architecture, wheels, SSH and processes are real; QEMU makes its latencies, so that
nothing here looks at their size.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from boards.aarch64 import Aarch64Board
from command_line import CALIBRATION, MODEL, edgetool, succeed
from compiled import ZIG_CACHE
from edgetool.agent import AgentClient, Event, RunState, start_run
from edgetool.devices import find_device
from edgetool.devices.connection import connect
from edgetool.errors import LinkError
from schemas import validate

AARCH64 = 183  # EM_AARCH64 of <elf.h>
REBOOTS = 4
RUNS = 5  # under way at each
SAMPLES = 20_000
PROTOCOL = """\
description = "As short as can be: everything is emulated"
quantities = ["latency"]
[warm_up]
runs_min = 2
duration_min_s = 0.02
duration_max_s = 0.2
[repeats]
windows = 3
inferences_min = 3
[statistics]
center = "median"
"""


def fingerprint(board: Aarch64Board) -> str:
    """Of its host key, as ssh-keygen and a person at its console would say it."""
    public = board.on_disk("/etc/ssh/board_host_key.pub")
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(public)], capture_output=True, text=True, check=True
    )
    return said.stdout.split()[1]


@pytest.fixture(scope="module")
def enrolled(
    aarch64_board: Aarch64Board, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aarch64Board]:
    """The board, enrolled as "pi4" by a user who has nothing else."""
    home = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HOME", str(home))
        environment.setenv("ZIG_GLOBAL_CACHE_DIR", ZIG_CACHE)
        environment.setenv("XDG_CONFIG_HOME", str(home / "config"))
        environment.setenv("EDGETOOL_DEVICES", str(home / "devices"))
        login = f"{aarch64_board.user}@{aarch64_board.host}:{aarch64_board.port}"
        options = ("--target", "raspberry-pi-4", "--identity", aarch64_board.key)
        succeed("devices", "add", "pi4", login, *options, "--host-key", fingerprint(aarch64_board))
        yield aarch64_board


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("artifact") / "digits"
    succeed("compile", MODEL, "--target", "raspberry-pi-4", "--output", folder)
    return folder


def test_digits_are_deployed_proved_and_profiled_on_aarch64(
    enrolled: Aarch64Board, artifact: Path, tmp_path: Path
) -> None:
    succeed("deploy", artifact, "--device", "pi4")
    current = enrolled.on_disk("/home/pi/.edgetool/releases/digits/current")
    assert current.is_symlink()
    protocol = tmp_path / "short.toml"
    protocol.write_text(PROTOCOL)
    options = ("--device", "pi4", "--protocol", protocol, "--json")
    shown = succeed("profile", artifact, *options).json
    validate(shown, "profile")
    assert set(shown["runtimes"]) == {"onnxruntime, 1 thread", "litert, 1 thread"}
    assert shown["details"]["before"]["boot_id"] == enrolled.boot_id
    assert all(windows for windows in shown["details"]["windows"].values())
    libraries = list(enrolled.on_disk("/home/pi/.edgetool/python").rglob("*.so"))
    assert {runtime_of(path) for path in libraries} == {"onnxruntime", "litert"}
    assert {elf_machine(path) for path in libraries} == {AARCH64}


def test_generated_c_is_bit_exact_on_aarch64(enrolled: Aarch64Board, tmp_path: Path) -> None:
    options = ("--precision", "int8", "--calibrate", CALIBRATION, "--output", tmp_path / "int8")
    succeed("compile", MODEL, "--target", "raspberry-pi-4", *options)
    shown = succeed("verify", tmp_path / "int8", "--device", "pi4", "--runtime", "c", "--json").json
    found = {runtime["name"]: runtime for runtime in shown["runtimes"]}
    assert found["c"]["bit_exact"]
    assert all(each["value"] == 0 for each in found["c"]["per_operator_max_lsb"].values())


def runtime_of(library: Path) -> str:
    """Whose folder it is in: <root>/python/<runtime>-<version>-<tag>/…"""
    parts = library.parts
    return parts[parts.index("python") + 1].partition("-")[0]


def elf_machine(path: Path) -> int:
    """e_machine of an ELF file."""
    with path.open("rb") as library:
        return int.from_bytes(library.read(20)[18:], "little")


def test_check_finds_the_targets_description_true(enrolled: Aarch64Board) -> None:
    checked = edgetool("devices", "check", "pi4", "--json")
    assert checked.code in (0, 5), checked.err
    assert "aarch64" in checked.out


def test_a_reboot_in_the_middle_of_runs_loses_no_sample(enrolled: Aarch64Board) -> None:
    """All processes are killed after as many samples as a seed says, and a new boot_id is there."""
    dice = random.Random(20261130)
    device = find_device("pi4")
    for number in range(REBOOTS):
        names = [f"reboot-{number}-{run}" for run in range(RUNS)]
        with AgentClient(connect(device), device.root) as client:
            for name in names:
                every_s = dice.uniform(0.005, 0.02)
                start_run(
                    client, {"kind": "count", "samples": SAMPLES, "every_s": every_s}, run=name
                )
            seen = follow_until_reboot(client, names[-1], dice.randrange(1, 60), enrolled)
        with AgentClient(connect(device), device.root) as client:
            assert client.hello.boot_id == enrolled.boot_id
            kept = {name: kept_by(client, name) for name in names}
        assert kept[names[-1]][: len(seen)] == seen
        assert all(samples == list(range(len(samples))) for samples in kept.values())
        assert all(len(samples) < SAMPLES for samples in kept.values())


def follow_until_reboot(
    client: AgentClient, run: str, enough: int, board: Aarch64Board
) -> list[int]:
    """The samples that came of a run until the board went down, after `enough` of them."""
    seen: list[int] = []
    with pytest.raises(LinkError):
        for item in client.follow(run):
            seen += samples_of(item)
            if len(seen) >= enough:
                board.reboot()
                enough = SAMPLES
    return seen


def kept_by(client: AgentClient, run: str) -> list[int]:
    """The samples of a run that a reboot ended, which then goes."""
    items = list(client.follow(run))
    client.call("forget", run=run)
    assert isinstance(items[-1], RunState)
    assert items[-1].state == "rebooted"
    return [sample for item in items for sample in samples_of(item)]


def samples_of(item: object) -> list[int]:
    if isinstance(item, Event) and item.kind == "samples":
        return list(item.fields["samples"])
    return []
