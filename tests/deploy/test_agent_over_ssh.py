"""Runs over a real sshd: links cut at any byte or silent, sessions killed on the device."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from board_processes import kill, processes_of
from edgetool.agent import (
    AgentClient,
    Board,
    Event,
    Followed,
    LinkLost,
    Patience,
    RunState,
    follow_run,
    start_surely,
)
from edgetool.transports.ssh import SshTransport
from edgetool.transports.transport import Transport
from link import Link
from ssh_server import SshServer

PATIENT = Patience(give_up_s=120.0, first_delay_s=0.01, longest_delay_s=0.1)
POINTS = 20
JOB = {"kind": "count", "samples": 100_000, "every_s": 0.005, "batch_s": 0}
pytestmark = pytest.mark.parametrize("backend", ["ssh"])


@pytest.fixture
def link(ssh_server: SshServer) -> Iterator[Link]:
    with Link(ssh_server.port) as between:
        yield between


@pytest.fixture
def board(ssh_server: SshServer, link: Link, home: Path) -> Board:
    """The agent is there already: what is cut are sessions with it."""
    with SshTransport(ssh_server.endpoint()) as transport, AgentClient(transport):
        pass
    return Board(lambda: connect(ssh_server, link), patience=PATIENT)


Fault = Callable[[], object]


def connect(server: SshServer, link: Link) -> Transport:
    return SshTransport(server.endpoint(port=link.port))


def numbers(items: list[Followed]) -> list[int]:
    events = [item for item in items if isinstance(item, Event) and item.kind == "samples"]
    return [number for event in events for number in event.fields["samples"]]


def follow_with_faults(board: Board, run: str, fault: Fault, count: int) -> list[Followed]:
    """Follow a run, each time with a fault after a seeded number of lines; then stop the run."""
    chance = random.Random(11)
    pauses = [chance.randrange(1, 12) for _ in range(count)]
    items: list[Followed] = []
    lines = 0
    for item in follow_run(board, run):
        items.append(item)
        if lines >= 0:
            lines += isinstance(item, Event)
        elif isinstance(item, LinkLost):
            lines = 0  # what was on its way is read: the next link may get its fault
        if pauses and lines >= pauses[0]:
            pauses.pop(0)
            fault()
            lines = -1
        elif not pauses and lines > 10:
            stop(board, run)
            lines = -1
    return items


def stop(board: Board, run: str) -> None:
    with board.session() as client:
        client.call("stop", run=run)


def assert_each_line_once(items: list[Followed], home: Path, run: str) -> None:
    last = items[-1]
    assert isinstance(last, RunState)
    assert last.state == "stopped"
    indices = [item.index for item in items if isinstance(item, Event)]
    journal = (home / ".edgetool/runs" / run / "journal.jsonl").read_bytes()
    assert indices == list(range(journal.count(b"\n")))
    assert numbers(items) == list(range(len(numbers(items))))


def test_link_that_is_cut_loses_no_line_of_a_run(board: Board, link: Link, home: Path) -> None:
    run = start_surely(board, JOB)
    items = follow_with_faults(board, run, link.reset, POINTS)
    assert sum(isinstance(item, LinkLost) for item in items) >= POINTS
    assert_each_line_once(items, home, run)


def test_sessions_killed_on_the_device_lose_no_line_of_a_run(
    board: Board, ssh_server: SshServer, home: Path
) -> None:
    run = start_surely(board, JOB)
    items = follow_with_faults(board, run, ssh_server.end_sessions, POINTS)
    assert sum(isinstance(item, LinkLost) for item in items) >= POINTS
    assert_each_line_once(items, home, run)


def test_start_is_done_once_when_links_are_cut_at_any_byte_on_the_way(
    board: Board, link: Link, home: Path
) -> None:
    chance = random.Random(4)
    for _ in range(POINTS):
        link.cut_after(chance.randrange(1, 4500))
        cutter = threading.Timer(0.3, link.heal)
        cutter.start()
        run = start_surely(board, {**JOB, "samples": 3})
        cutter.cancel()
        link.heal()
        assert numbers(list(follow_run(board, run))) == [0, 1, 2]
    assert len(list((home / ".edgetool/runs").iterdir())) == POINTS


def test_link_that_falls_silent_is_noticed_and_made_anew(
    board: Board, link: Link, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.agent.client.SIGN_OF_LIFE_S", 1.5)
    run = start_surely(board, JOB)

    def silence() -> None:
        link.blackhole()
        threading.Timer(2.5, lambda: (link.reset(), link.heal())).start()

    items = follow_with_faults(board, run, silence, 1)
    assert any(isinstance(item, LinkLost) for item in items)
    assert_each_line_once(items, home, run)


def test_server_that_comes_back_later_is_waited_for(
    board: Board, ssh_server: SshServer, home: Path
) -> None:
    run = start_surely(board, JOB)

    def restart() -> None:
        ssh_server.end_sessions()
        ssh_server.stop()
        threading.Timer(0.5, ssh_server.start).start()

    items = follow_with_faults(board, run, restart, 1)
    assert any(isinstance(item, LinkLost) for item in items)
    assert_each_line_once(items, home, run)


def test_run_whose_processes_are_killed_while_the_link_is_down_is_said_to_have_died(
    board: Board, link: Link, home: Path
) -> None:
    run = start_surely(board, JOB)

    items = []
    for item in follow_run(board, run):
        items.append(item)
        if len(items) == 10:
            link.reset()
            kill(processes_of(run))
    last = items[-1]
    assert isinstance(last, RunState)
    assert last.state == "died"
