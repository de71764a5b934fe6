"""A session with the agent on a device: requests and their answers, and runs that are followed."""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from edgetool.agent.launch import AgentPlace, launch
from edgetool.agent.messages import Event, Hello, Reader, Refusal, RunState, Silence
from edgetool.agent.refusals import refused
from edgetool.errors import DeviceError, LinkError
from edgetool.transports.transport import Channel, Transport

ANSWER_TIMEOUT_S = 30.0
SIGN_OF_LIFE_S = 15.0  # the agent says something every second while a run is followed
EVENTS_HELD = 100_000


class AgentClient:
    """The agent on a device; `with` puts it there where it is not, starts it and ends it.

    root: edgetool's folder on the device.   For one thread at a time.
    Every method raises LinkError when the link is lost: connect again, nothing there is.
    """

    def __init__(
        self,
        transport: Transport,
        root: str = ".edgetool",
        *,
        python: str = "python3",
        system_root: str = "/",
    ) -> None:
        self.where = transport.where
        self._transport = transport
        self._place = AgentPlace(root, python, system_root)
        self._reader = Reader(transport.where)
        self._channel: Channel | None = None
        self._hello: Hello | None = None
        self._next_id = 1
        self._followed: dict[int, deque[Event | Silence | RunState]] = {}

    def __enter__(self) -> Self:
        """Raises: LinkError; DeviceError where it cannot be started, no Python included."""
        self._channel, self._hello = launch(self._transport, self._place, self._reader)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def hello(self) -> Hello:
        """Who the agent says it is."""
        if self._hello is None:
            raise LinkError(f"no session with the agent on {self.where}")
        return self._hello

    def call(
        self, verb: str, *, timeout_s: float = ANSWER_TIMEOUT_S, **arguments: Any
    ) -> dict[str, Any]:
        """Ask for something; the answer, of which only the outermost form is checked.

        Raises: RefusedError, NoSpaceError or NotPermittedError where the agent will not or cannot;
        LinkError when no answer came
        within timeout_s: whether it was done is not known then; ProtocolError.
        """
        number = self._ask(verb, arguments)
        deadline = time.monotonic() + timeout_s
        while True:
            message = self._receive(max(0.0, deadline - time.monotonic()))
            if message.get("id") == number:
                return self._result(verb, message)
            self._keep(message)

    def follow(self, run: str, first: int = 0) -> Iterator[Event | Silence | RunState]:
        """A run's journal from an index on as it grows, and at last how the run ended.

        Other requests may be made meanwhile. Raises: as call; LinkError also when the agent says
        nothing for SIGN_OF_LIFE_S.
        """
        number = self._ask("follow", {"run": run, "first": first})
        waiting = self._followed.setdefault(number, deque())
        expected = first
        try:
            while True:
                item = self._next_of(number, waiting)
                if isinstance(item, Event):
                    if item.index != expected:
                        self._reader.refuse(f"line {item.index} of a journal after {expected - 1}")
                    expected += 1
                yield item
                if isinstance(item, RunState):
                    return
        finally:
            self._unfollow(number)

    def clock_offset(self, probes: int = 16) -> tuple[float, float]:
        """(seconds that the device's wall clock is ahead of this machine's, give or take).

        Of several questions the one with the shortest way there and back counts.
        """
        readings = [self._read_clock() for _ in range(probes)]
        round_trip_s, offset_s = min(readings)
        return offset_s, round_trip_s / 2

    def close(self) -> None:
        """End the session; runs on the device go on."""
        channel, self._channel = self._channel, None
        if channel is not None:
            with contextlib.suppress(DeviceError):
                channel.close()

    def _read_clock(self) -> tuple[float, float]:
        sent, begun = time.time(), time.monotonic()
        answer = self.call("clock")
        round_trip_s = time.monotonic() - begun
        device_s = self._reader.count(answer, "realtime_ns") / 1e9
        return round_trip_s, device_s - (sent + round_trip_s / 2)

    def _ask(self, verb: str, arguments: Mapping[str, Any]) -> int:
        number, self._next_id = self._next_id, self._next_id + 1
        request = {**arguments, "id": number, "do": verb}
        self._open_channel().send(json.dumps(request, allow_nan=False).encode() + b"\n")
        return number

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        """The next message. After a lost link the session is over."""
        channel = self._open_channel()
        try:
            line = channel.read_line(timeout_s)
        except DeviceError:
            self.close()
            raise
        if line is None:
            raise self._ended(channel)
        return self._reader.message(line)

    def _ended(self, channel: Channel) -> LinkError:
        self._channel = None
        completed = channel.close()
        said = completed.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        return LinkError(
            f"the agent on {self.where} ended in the middle of a session",
            details=[f"exit code {completed.exit_code}", *(line[:200] for line in said)],
            hints=("run it again: what the device was doing goes on",),
        )

    def _open_channel(self) -> Channel:
        if self._channel is None:
            raise LinkError(f"no session with the agent on {self.where}", hints=("connect again",))
        return self._channel

    def _result(self, verb: str, message: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._reader.answer(message)
        if isinstance(answer, Refusal):
            raise refused(self.where, verb, answer)
        return answer

    def _keep(self, message: Mapping[str, Any]) -> None:
        """Put what belongs to a followed run where its reader finds it."""
        number = message.get("id")
        waiting = self._followed.get(number) if isinstance(number, int) else None
        if waiting is None:
            if "ok" in message or (isinstance(number, int) and 0 < number < self._next_id):
                return  # of a run that is not followed any more
            self._reader.refuse("something that nobody asked for")
        if len(waiting) >= EVENTS_HELD:
            self._reader.refuse("more of a run than was read")
        if "ok" in message:
            waiting.append(self._reader.run_state(self._result("follow", message)))
        else:
            waiting.append(self._reader.event(message))

    def _next_of(
        self, number: int, waiting: deque[Event | Silence | RunState]
    ) -> Event | Silence | RunState:
        while not waiting:
            self._keep(self._receive(SIGN_OF_LIFE_S))
        return waiting.popleft()

    def _unfollow(self, number: int) -> None:
        """Stop following; a run that was followed to its end needs no request."""
        self._followed.pop(number, None)
        if self._channel is not None:
            with contextlib.suppress(DeviceError):
                self._ask("unfollow", {"follow": number})
