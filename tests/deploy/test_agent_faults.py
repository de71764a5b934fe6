"""Links cut, agents and runs killed, boards rebooted: what was journaled stays, once and whole.

Moments are drawn from a seed. The link is a channel that a test cuts, the board's boot_id a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import needs
from board_processes import end_run, kill, processes_in, processes_of
from cut_links import CutTransport
from edgetool.agent import (
    Board,
    Event,
    Followed,
    LinkLost,
    Patience,
    RunState,
    Silence,
    explain,
    follow_run,
    start_surely,
)
from edgetool.errors import DeviceError, LinkError
from edgetool.transports.local import LocalTransport
from edgetool.transports.transport import Transport

PATIENT = Patience(give_up_s=60.0, first_delay_s=0.01, longest_delay_s=0.1)
POINTS = 20
SAMPLES = 60
JOB = {"kind": "count", "samples": SAMPLES, "every_s": 0.01, "batch_s": 0}
LONG_JOB = {**JOB, "samples": 10_000}


@pytest.fixture
def backend() -> str:
    """Links are cut in the test's own process: SSH would add nothing."""
    return "local"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """What the agent takes for "/": a boot_id that the test may change."""
    boot(tmp_path / "system")
    return tmp_path / "system"


def boot(system: Path) -> None:
    path = system / "proc/sys/kernel/random/boot_id"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{uuid.uuid4()}\n")


def board_of(connect: Callable[[], Transport], system: Path) -> Board:
    return Board(connect, system_root=str(system), patience=PATIENT)


def numbers(items: Sequence[Followed]) -> list[int]:
    events = [item for item in items if isinstance(item, Event) and item.kind == "samples"]
    return [number for event in events for number in event.fields["samples"]]


def indices(items: Sequence[Followed]) -> list[int]:
    return [item.index for item in items if isinstance(item, Event)]


def journaled(home: Path, run: str) -> list[dict[str, Any]]:
    """What is whole in a run's journal, as it lies on the device."""
    path = home / ".edgetool/runs" / run / "journal.jsonl"
    text = path.read_text() if path.exists() else ""  # it was killed before the first line
    return [json.loads(line) for line in text.split("\n")[:-1]]


def assert_nothing_lost(items: Sequence[Followed], home: Path, run: str) -> None:
    """What was followed is what lies in the journal: every line, each once, in order."""
    lines = journaled(home, run)
    assert indices(items) == list(range(len(lines)))
    there = [n for line in lines if line["kind"] == "samples" for n in line["samples"]]
    assert numbers(items) == there == list(range(len(there)))


@pytest.mark.parametrize("killed", [False, True], ids=["link-cut", "agent-killed"])
def test_nothing_is_lost_or_comes_twice_when_links_are_cut(
    home: Path, system: Path, killed: bool
) -> None:
    chance = random.Random(5 + killed)
    some = [chance.randrange(200, 900) for _ in range(POINTS)]
    bears = iter([10_000, 10_000, *some, *[1 << 30] * 9])  # two to put the agent there and start
    board = board_of(lambda: CutTransport(home, bears, killed), system)
    run = start_surely(board, JOB)
    items = list(follow_run(board, run))
    assert sum(isinstance(item, LinkLost) for item in items) >= 20
    assert isinstance(items[-1], RunState)
    assert items[-1].state == "done"
    assert_nothing_lost(items, home, run)
    assert numbers(items) == list(range(SAMPLES))


def test_a_lost_answer_to_start_starts_nothing_twice(home: Path, system: Path) -> None:
    bears = iter([0, 150, 180, 10_000, 1 << 30])  # in the hello, in the answer, then all of it
    board = board_of(lambda: CutTransport(home, bears, False), system)
    run = start_surely(board, JOB)
    items = list(follow_run(board, run))
    assert numbers(items) == list(range(SAMPLES))
    assert len(list((home / ".edgetool/runs").iterdir())) == 1


@pytest.mark.parametrize("victims", ["supervisor", "worker", "both"])
def test_killed_run_is_over_and_keeps_what_it_journaled(
    home: Path, system: Path, victims: str
) -> None:
    chance = random.Random(len(victims))
    board = board_of(lambda: LocalTransport(home), system)
    for _ in range(POINTS):
        run = start_surely(board, LONG_JOB)
        time.sleep(chance.uniform(0.0, 0.3))
        pids = wait_for_processes(run)
        kill({"supervisor": pids[:1], "worker": pids[1:], "both": pids}[victims])
        items = list(follow_run(board, run))
        state = items[-1]
        assert isinstance(state, RunState)
        assert state.state == ("failed" if victims == "worker" else "died"), state
        assert "kill" in str(explain(state)).lower()
        assert_nothing_lost(items, home, run)
        assert wait_until_gone(run)


def wait_for_processes(run: str) -> list[int]:
    """The supervisor and the worker, once there are both."""
    until = time.monotonic() + 20
    while len(processes_of(run)) < 2 and time.monotonic() < until:
        time.sleep(0.002)
    return processes_of(run)


def wait_until_gone(run: str) -> bool:
    until = time.monotonic() + 20
    while processes_of(run) and time.monotonic() < until:
        time.sleep(0.02)
    return not processes_of(run)


def test_reboot_ends_a_run_and_keeps_what_it_journaled(home: Path, system: Path) -> None:
    chance = random.Random(3)
    board = board_of(lambda: LocalTransport(home), system)
    for _ in range(POINTS):
        run = start_surely(board, LONG_JOB)
        time.sleep(chance.uniform(0.0, 0.3))
        end_run(run)
        boot(system)
        items = list(follow_run(board, run))
        state = items[-1]
        assert isinstance(state, RunState)
        assert state.state == "rebooted"
        assert "was rebooted during run" in str(explain(state))
        assert_nothing_lost(items, home, run)


def test_torn_last_line_is_dropped_and_a_damaged_one_is_said_to_be(
    home: Path, system: Path
) -> None:
    board = board_of(lambda: LocalTransport(home), system)
    run = start_surely(board, {"kind": "count", "samples": 30})
    before = list(follow_run(board, run))
    lines = len(indices(before))
    with (home / ".edgetool/runs" / run / "journal.jsonl").open("ab") as journal:
        journal.write(b"\0" * 100 + b"\n" + b'{"t":5,"kind":"samples","samples":[1')
    after = list(follow_run(board, run))
    assert indices(after) == list(range(lines + 1))
    assert after[:lines] == before[:lines]
    damaged = after[lines]
    assert isinstance(damaged, Event)
    assert damaged.kind == "damaged"
    assert numbers(after) == list(range(30))


def test_run_that_is_gone_after_a_reboot_is_said_to_be(home: Path, system: Path) -> None:
    board = board_of(lambda: LocalTransport(home), system)
    run = start_surely(board, LONG_JOB)
    items = follow_run(board, run)
    for item in items:
        if isinstance(item, Event):
            break
    end_run(run)
    boot(system)
    (home / ".edgetool/runs" / run).rename(home / "elsewhere")
    kill(processes_in(home))
    with pytest.raises(DeviceError, match=f"rebooted, and run {run} is gone"):
        list(items)


def test_held_run_is_diagnosed_by_its_missing_heartbeat(home: Path, system: Path) -> None:
    patience = Patience(60.0, 0.01, 0.1, silence_s=1.5)
    board = Board(lambda: LocalTransport(home), system_root=str(system), patience=patience)
    run = start_surely(board, LONG_JOB)
    for item in follow_run(board, run):
        if isinstance(item, Event) and item.kind == "samples":
            break
    for pid in processes_of(run):
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(DeviceError, match="no heartbeat"):
            for item in follow_run(board, run):
                assert isinstance(item, Event | Silence)
    finally:
        kill(processes_of(run))


def test_device_that_stays_away_is_given_up(home: Path, system: Path) -> None:
    def away() -> Transport:
        raise LinkError("cannot reach board")

    board = Board(away, patience=Patience(0.05, 0.01, 0.02))
    with pytest.raises(LinkError, match="gave up after"):
        list(follow_run(board, "any"))


def test_runs_beyond_what_is_kept_go_and_the_newest_stay(home: Path, system: Path) -> None:
    board = board_of(lambda: LocalTransport(home), system)
    folder = home / ".edgetool/runs"
    for number in range(70):
        (folder / f"old-{number:02}").mkdir(parents=True)
        state = folder / f"old-{number:02}" / "state.json"
        state.write_text('{"state": "done"}')
        os.utime(state, (1e9 + number, 1e9 + number))
    with board.session() as client:
        left = [run["run"] for run in client.call("runs")["runs"]]
    assert left == [f"old-{number:02}" for number in range(6, 70)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    needs.require_root("to mount a small disk")
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(small)]
    subprocess.run(mount, check=True, capture_output=True, timeout=60)
    yield small
    kill(processes_in(small))
    wait_until_gone(str(small))
    subprocess.run(["umount", "-l", str(small)], check=True, timeout=60)


def test_run_on_a_disk_that_fills_up_says_so_and_keeps_what_it_journaled(
    small_disk: Path, system: Path
) -> None:
    chance = random.Random(7)
    board = board_of(lambda: LocalTransport(small_disk), system)
    for _ in range(POINTS):
        run = start_surely(board, {**LONG_JOB, "every_s": 0.002})
        enough, items = chance.randrange(1, 60), list[Followed]()
        for item in follow_run(board, run):
            items.append(item)
            if len(items) == enough:
                fill(small_disk / "filler")
        state = items[-1]
        assert isinstance(state, RunState)
        assert (state.state, state.error_kind) == ("failed", "no-space"), state
        assert "No space left" in str(explain(state))
        events = [item for item in items if isinstance(item, Event)]
        assert [event.index for event in events] == list(range(len(events)))
        assert numbers(items) == list(range(len(numbers(items))))
        assert [event.kind for event in events].count("damaged") <= 1, "the line that did not fit"
        assert events[-1].kind == "error"
        (small_disk / "filler").unlink()
        with board.session() as client:
            client.call("forget", run=run)


def fill(path: Path) -> None:
    """Until nothing fits any more."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as stream:
        for size in (65536, 4096, 512, 1):
            with contextlib.suppress(OSError):
                while stream.write(b"x" * size):
                    pass
