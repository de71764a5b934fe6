"""Clocks are locked for a timing and put back after it, whatever ends it."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from board_processes import kill, processes_in
from boards.trees import write_tree
from edgetool.agent import AgentClient, start_run
from edgetool.errors import RefusedError
from edgetool.transports.local import LocalTransport

CPU = "sys/devices/system/cpu/cpu{}/cpufreq/{}"
EXCLUSIVE = {"kind": "count", "samples": 10_000, "every_s": 0.01, "exclusive": True}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="setting clocks needs root: run as root")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    kill(processes_in(folder))


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return booted(write_tree("raspberry-pi-4", tmp_path / "pi"))


@pytest.fixture
def jetson(tmp_path: Path) -> Path:
    return booted(write_tree("jetson-orin-nano", tmp_path / "jetson"))


def booted(root: Path) -> Path:
    """The board after a boot: another boot_id."""
    path = root / "proc/sys/kernel/random/boot_id"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(uuid.uuid4()))
    return root


def session(home: Path, root: Path) -> AgentClient:
    return AgentClient(LocalTransport(home), system_root=str(root))


def governors(root: Path, cores: int = 4) -> list[str]:
    paths = [root / CPU.format(core, "scaling_governor") for core in range(cores)]
    return [path.read_text().strip() for path in paths]


def lowest(root: Path) -> int:
    return int((root / CPU.format(5, "scaling_min_freq")).read_text())


def mode(root: Path) -> int:
    return int(json.loads((root / "usr/sbin/nvpmodel.json").read_text())["mode"])


def wait_for(condition: object, *arguments: object) -> bool:
    assert callable(condition)
    until = time.monotonic() + 20
    while not condition(*arguments) and time.monotonic() < until:
        time.sleep(0.02)
    return bool(condition(*arguments))


def test_governor_is_set_and_put_back_at_the_end_of_the_session(home: Path, pi: Path) -> None:
    (pi / CPU.format(2, "scaling_governor")).write_text("powersave\n")
    before = governors(pi)
    with session(home, pi) as client:
        answer = client.call("lock_clocks", governor="performance")
        assert governors(pi) == ["performance"] * 4
        (clocks,) = answer["conditions"]["cpu_clocks"]
        assert clocks["governor"] == "performance"
    assert governors(pi) == before
    assert not (home / ".edgetool/locks/clocks.json").exists()


def test_everything_of_a_jetson_is_set_and_put_back(home: Path, jetson: Path) -> None:
    with session(home, jetson) as client:
        client.call("lock_clocks", power_mode=2, governor="performance", jetson_clocks=True)
        assert (mode(jetson), lowest(jetson)) == (2, 1_728_000)
        assert governors(jetson, 6) == ["performance"] * 6
        done = client.call("restore_clocks")
        assert done == {"restored": ["jetson_clocks", "governors", "power_mode"], "failed": []}
    assert (mode(jetson), lowest(jetson), governors(jetson)) == (1, 115_200, ["schedutil"] * 4)


def test_locking_twice_puts_back_what_was_before_the_first(home: Path, pi: Path) -> None:
    with session(home, pi) as client:
        client.call("lock_clocks", governor="powersave")
        client.call("lock_clocks", governor="performance")
    assert governors(pi) == ["ondemand"] * 4


def test_killed_session_is_made_good_by_the_next_which_says_so(home: Path, pi: Path) -> None:
    client = session(home, pi)
    with client:
        client.call("lock_clocks", governor="performance")
        kill(processes_in(home))
    assert governors(pi) == ["performance"] * 4
    with session(home, pi) as after:
        assert after.hello.restored == ("governors",)
        assert governors(pi) == ["ondemand"] * 4
    with session(home, pi) as later:
        assert later.hello.restored == ()


def test_clocks_stay_while_a_run_goes_on_and_go_back_at_its_end(home: Path, pi: Path) -> None:
    with session(home, pi) as client:
        client.call("lock_clocks", governor="performance")
        run = start_run(client, {**EXCLUSIVE, "samples": 100})
    assert governors(pi) == ["performance"] * 4
    with session(home, pi) as client:
        assert client.hello.restored == ()
        list(client.follow(run))
        assert wait_for(lambda: governors(pi) == ["ondemand"] * 4)


def test_reboot_discards_what_it_undid_and_puts_the_power_mode_back(
    home: Path, jetson: Path
) -> None:
    with session(home, jetson) as client:
        client.call("lock_clocks", power_mode=2, governor="performance")
        kill(processes_in(home))
    booted(jetson)
    for core in range(6):
        (jetson / CPU.format(core, "scaling_governor")).write_text("userspace\n")
    with session(home, jetson) as client:
        assert client.hello.restored == ("power_mode",)
    assert (mode(jetson), governors(jetson)) == (1, ["userspace"] * 4)


def test_what_cannot_be_set_changes_nothing(home: Path, pi: Path, jetson: Path) -> None:
    with session(home, jetson) as client:
        with pytest.raises(RefusedError, match="mode 99") as caught:
            client.call("lock_clocks", power_mode=99, governor="performance")
        assert caught.value.reason == "not-set"
        assert (mode(jetson), governors(jetson)) == (1, ["schedutil"] * 4)
    with session(home, pi) as client:
        for wanted in ({"power_mode": 1}, {"jetson_clocks": True}):
            with pytest.raises(RefusedError) as caught:
                client.call("lock_clocks", governor="performance", **wanted)
            assert caught.value.reason == "not-there"
            assert governors(pi) == ["ondemand"] * 4


def test_board_that_another_times_on_is_left_alone(home: Path, pi: Path) -> None:
    with session(home, pi) as first, session(home, pi) as second:
        first.call("reserve", by="ada")
        with pytest.raises(RefusedError, match="ada"):
            second.call("lock_clocks", governor="performance")
    assert governors(pi) == ["ondemand"] * 4
