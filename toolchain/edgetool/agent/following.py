"""Runs over links that get lost: started once, followed from line to line, over when they are."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgetool.agent.client import AgentClient
from edgetool.agent.messages import Event, RunState, Silence
from edgetool.agent.runs import new_run_id, start_run
from edgetool.errors import DeviceError, LinkError, RefusedError
from edgetool.transports.transport import Transport


@dataclass(frozen=True)
class Patience:
    """How long to try. Delays between tries double from the first to the longest.

    give_up_s: without a session.   silence_s: of a run whose supervisor lives but journals
    nothing, which it does every second unless it is held.
    """

    give_up_s: float = 300.0
    first_delay_s: float = 0.5
    longest_delay_s: float = 15.0
    silence_s: float = 120.0


@dataclass(frozen=True)
class Board:
    """A device whose agent is spoken to again when a link is lost.

    connect: opens a new link; this closes it.   The others: see AgentClient.
    """

    connect: Callable[[], Transport]
    root: str = ".edgetool"
    python: str = "python3"
    system_root: str = "/"
    patience: Patience = field(default_factory=Patience)

    @contextlib.contextmanager
    def session(self) -> Iterator[AgentClient]:
        """A session over a link of its own. Raises: as AgentClient, and what connect raises."""
        with (
            self.connect() as transport,
            AgentClient(
                transport, self.root, python=self.python, system_root=self.system_root
            ) as client,
        ):
            yield client


@dataclass(frozen=True)
class LinkLost:
    """The link is lost and will be tried again after `delay_s`.   attempt: from 1 on."""

    error: LinkError
    attempt: int
    delay_s: float


Followed = Event | Silence | LinkLost | RunState


class Tries:
    """Counts the tries since the last success, and when to give up."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self.succeeded()

    def succeeded(self) -> None:
        """The link is there: patience starts anew when it is lost, however long that takes."""
        self._attempt = 0

    def failed(self, error: LinkError) -> LinkLost:
        """How long to wait before the next try. Raises: the error, when it is time to give up."""
        if self._attempt == 0:
            self._until = time.monotonic() + self._patience.give_up_s
        elif time.monotonic() >= self._until:
            raise LinkError(
                f"{error.message}; gave up after {self._patience.give_up_s:g} s",
                details=error.details,
                hints=error.hints,
            ) from error
        delay_s = self._patience.first_delay_s * 2.0 ** min(self._attempt, 16)
        self._attempt += 1
        return LinkLost(error, self._attempt, min(delay_s, self._patience.longest_delay_s))


def start_surely(
    board: Board, job: Mapping[str, Any], *, by: str = "", run: str | None = None
) -> str:
    """Start a job, once, whatever happens to the link meanwhile; its run's name.

    Raises: as start_run; LinkError when the device stays away.
    """
    name = run or new_run_id(str(job["kind"]))
    tries = Tries(board.patience)
    while True:
        try:
            with board.session() as client:
                return start_run(client, job, run=name, by=by)
        except LinkError as error:
            time.sleep(tries.failed(error).delay_s)


def follow_run(board: Board, run: str, first: int = 0) -> Iterator[Followed]:
    """A run's journal from a line on, each line once, whatever happens to the link or the agent;
    the last item is how the run ended: a RunState.

    Raises: LinkError when the device stays away; DeviceError when the run is gone from it, or
    its supervisor is held; ProtocolError.
    """
    tries = Tries(board.patience)
    boot_id: str | None = None
    while True:
        try:
            with board.session() as client:
                tries.succeeded()
                boot_id = _check_there(client, run, boot_id)
                for item in client.follow(run, first):
                    first = item.index + 1 if isinstance(item, Event) else first
                    _check_silence(item, board, run)
                    yield item
                    if isinstance(item, RunState):
                        return
        except LinkError as error:
            lost = tries.failed(error)
            yield lost
            time.sleep(lost.delay_s)


def _check_there(client: AgentClient, run: str, boot_id: str | None) -> str | None:
    """Refuse to go on where the run has vanished; the device's boot_id."""
    now = client.hello.boot_id
    try:
        client.call("status", run=run)
    except RefusedError as error:
        if error.reason == "no-run" and boot_id not in (None, now):
            raise DeviceError(
                f"{client.where} was rebooted, and run {run} is gone with what it measured",
                details=("edgetool's folder there does not survive a reboot",),
                hints=("enrol the device with --root on a disk",),
            ) from error
        raise
    return now


def _check_silence(item: Followed, board: Board, run: str) -> None:
    if isinstance(item, Silence) and item.seconds > board.patience.silence_s:
        raise DeviceError(
            f"run {run}: no heartbeat for {item.seconds:.0f} s, though its processes are there",
            hints=("see what the device is doing (is it out of memory?), then stop the run",),
        )


def explain(state: RunState) -> DeviceError:
    """The error that a run which is over and not "done" amounts to."""
    log = (state.log or "").strip().splitlines()[-8:]
    if state.state == "rebooted":
        return DeviceError(
            f"the device was rebooted during run {state.run}",
            details=("what it had journaled before is kept",),
            hints=("check its power supply, then run it again",),
        )
    if state.state == "died":
        return DeviceError(
            f"the processes of run {state.run} were killed",
            details=("what it had journaled before is kept",),
            hints=("dmesg there says whether it was out of memory",),
        )
    return DeviceError(
        f"run {state.run} {state.state}: {state.error or 'it did not say why'}", details=log
    )
