"""A Linux device as runtimes see it: push files, run jobs, fetch what came of them."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from edgetool.agent import AgentClient, Event, Patience, RunState, Tries, new_run_id, start_run
from edgetool.errors import DeviceError, LinkError, RefusedError
from edgetool.transports.transport import Transport

FILES = "files"

OnEvent = Callable[[Event], None]
Connect = Callable[[], Transport]
T = TypeVar("T")


class Board:
    """A session with a device; made by open_board.   root: edgetool's folder there.

    Once it stands, a lost link is made anew for as long as patience lasts, a reboot included.
    Files that were pushed are removed when the session ends, unless a run that goes on needs them.
    """

    def __init__(self, connect: Connect, root: str, patience: Patience | None = None) -> None:
        self.root = root
        self._connect = connect
        self._patience = patience or Patience()
        self._transport = connect()
        self._client = AgentClient(self._transport, root)
        self._pushed: dict[str, str] = {}
        self._keep = False
        self.where = self._transport.where

    @property
    def client(self) -> AgentClient:
        """The agent there."""
        return self._client

    @property
    def transport(self) -> Transport:
        """The link."""
        return self._transport

    def push(self, content: bytes) -> str:
        """Put bytes on the device, once; their path below the root."""
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 not in self._pushed:
            path = f"{FILES}/{sha256}"
            with tempfile.TemporaryDirectory(prefix="edgetool-push-") as folder:
                source = Path(folder) / sha256
                source.write_bytes(content)
                self._transport.upload(source, f"{self.root}/{path}", sha256=sha256)
            self._pushed[sha256] = path
        return self._pushed[sha256]

    def deployed(self, artifact_sha256: str, name: str, sha256: str) -> str | None:
        """The path of an artifact's file in the device's store, None where it is not there."""
        path = f"store/{artifact_sha256}/{name}"
        answer = self._client.call("hash", paths=[path])
        return path if answer.get("sha256") == [sha256] else None

    def lock_clocks(self) -> dict[str, Any]:
        """Hold the device's clocks until this session and its runs end: {locked}, and why not."""
        try:
            jetson = "power_mode" in self._client.call("conditions")
            self._client.call("lock_clocks", governor="performance", jetson_clocks=jetson)
        except RefusedError as error:
            return {"locked": False, "why": error.message}
        return {"locked": True}

    def start(self, job: Mapping[str, Any]) -> str:
        """Start a job that outlives this session; its run's name."""
        self._keep = True
        return start_run(self._client, job)

    def run(self, job: Mapping[str, Any], on_event: OnEvent | None = None) -> tuple[str, RunState]:
        """Run a job to its end; (run, how it ended). The caller forgets the run.

        Raises: DeviceError when it failed, was stopped, or the device was booted again. When this
        is interrupted the run is stopped and forgotten.
        """
        run = new_run_id(str(job["kind"]))
        try:
            self._surely(lambda: start_run(self._client, job, run=run))
            state = self.follow(run, on_event)
        except (KeyboardInterrupt, SystemExit):
            self._abandon(run)
            raise
        if state.state != "done":
            raise failed(self.where, state)
        return run, state

    def follow(self, run: str, on_event: OnEvent | None = None) -> RunState:
        """A run's journal from its beginning to its end, each line once."""
        following, tries = 0, Tries(self._patience)

        def rest() -> RunState:
            nonlocal following
            for item in self._client.follow(run, following):
                tries.succeeded()
                if isinstance(item, RunState):
                    return item
                if isinstance(item, Event):
                    following = item.index + 1
                    if on_event is not None:
                        on_event(item)
            raise LinkError(f"{self.where}: the journal of run {run} ended early")

        return self._surely(rest, tries)

    def fetch(self, run: str, name: str, size_bytes: int) -> bytes:
        """A file of a run's folder, of exactly this size. Raises: DeviceError."""
        with tempfile.TemporaryDirectory(prefix="edgetool-fetch-") as folder:
            target = Path(folder) / "fetched"
            source = f"{self.root}/runs/{run}/{name}"
            self._surely(lambda: self._transport.download(source, target, limit_bytes=size_bytes))
            content = target.read_bytes()
        if len(content) != size_bytes:
            raise DeviceError(
                f"{self.where} gave {len(content)} bytes of results, not {size_bytes}"
            )
        return content

    def forget(self, run: str) -> None:
        """Remove a run that is over, as far as the link lets us."""
        with contextlib.suppress(DeviceError):
            self._client.call("forget", run=run)

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(DeviceError):
            if self._pushed and not self._keep:
                self._client.call("discard", paths=list(self._pushed.values()))
        self._client.close()
        self._transport.close()

    def _abandon(self, run: str) -> None:
        with contextlib.suppress(DeviceError):
            self._client.call("stop", run=run)
        self.forget(run)

    def _surely(self, action: Callable[[], T], tries: Tries | None = None) -> T:
        """Do what may be done twice, over new links for as long as they get lost."""
        tries = tries or Tries(self._patience)
        while True:
            try:
                return action()
            except LinkError as error:
                time.sleep(tries.failed(error).delay_s)
            self._link_again(tries)

    def _link_again(self, tries: Tries) -> None:
        while True:
            self._client.close()
            self._transport.close()
            try:
                self._transport = self._connect()
                self._client = AgentClient(self._transport, self.root)
                self._client.__enter__()
                return
            except LinkError as error:
                time.sleep(tries.failed(error).delay_s)


@contextmanager
def open_board(connect: Connect, root: str, patience: Patience | None = None) -> Iterator[Board]:
    """A session with the agent on a device. Raises: LinkError, DeviceError."""
    board = Board(connect, root, patience)
    try:
        board.client.__enter__()
        yield board
    finally:
        board.close()


def failed(where: str, state: RunState) -> DeviceError:
    """Why a run did not end well."""
    if state.state == "rebooted":
        return DeviceError(
            f"{where} was booted again in the middle of the run",
            details=(f"what it measured until then is in its run '{state.run}'",),
            hints=("check its power supply; then run it again",),
        )
    details = (state.log or "").strip().splitlines()[-5:]
    hints = {
        "no-runtime": ("--runtime with another one, or let edgetool push its wheels",),
        "crashed": ("another --runtime",),
    }.get(state.error_kind or "", ())
    what = state.error or f"the run {state.state}"
    return DeviceError(f"{where}: {what}", details=details, hints=hints)
