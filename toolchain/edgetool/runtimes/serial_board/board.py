"""A board that runs one model: load inputs, run, read what came of it."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from edgetool.errors import DeviceError
from edgetool.runtimes.serial_board.identity import Counter, Identity, identity_in
from edgetool.runtimes.serial_board.link import Link, Message
from edgetool.transports.serial import BAUD, SerialPort

OPEN_TIMEOUT_S = 5.0
RUN_TIMEOUT_S = 60.0
UNKNOWN = 0xFFFF_FFFF
RUNS_MAX = 60
TO_THE_END = 0xFFFF
_STATUS = struct.Struct("<i")
_STOP = struct.Struct("<BHi")
_USAGE = struct.Struct("<iII")


class Room(IntEnum):
    """What READ reads: edge_session.h, enum edge_room."""

    INPUT = 0
    OUTPUT = 1
    ARENA = 2


@dataclass(frozen=True)
class Usage:
    """Painted memory that an inference wrote.   stack_bytes: None: more than was painted."""

    stack_bytes: int | None
    arena_bytes: int


@dataclass(frozen=True)
class SerialBoard:
    """Where a board is.   path: of its serial port.   run_timeout_s: for one inference."""

    path: str
    baud: int = BAUD
    run_timeout_s: float = RUN_TIMEOUT_S


@contextmanager
def connect(device: SerialBoard, artifact_sha256: str | None = None) -> Iterator[Board]:
    """The board on a serial port, with this artifact in it.

    Raises: MissingToolError, DeviceError.
    """
    with SerialPort(device.path, device.baud) as port:
        link = Link(port)
        identity = identity_in(link.open(random.getrandbits(32), OPEN_TIMEOUT_S))
        if artifact_sha256 is not None:
            identity.require(artifact_sha256)
        yield Board(link, identity, device.run_timeout_s)


class Board:
    """A board that has answered OPEN. Every method raises DeviceError when it does not go on."""

    def __init__(self, link: Link, identity: Identity, run_timeout_s: float) -> None:
        self.link = link
        self.identity = identity
        self.run_timeout_s = run_timeout_s

    def load(self, inputs: Sequence[bytes]) -> None:
        """Write every input. Raises: DeviceError where sizes differ from the board's."""
        sizes = tuple(map(len, inputs))
        if sizes != self.identity.input_bytes:
            raise DeviceError(
                f"the board's model takes inputs of {self.identity.input_bytes} bytes, not {sizes}"
            )
        for index, content in enumerate(inputs):
            for offset, part in self._parts(content):
                self.link.exchange(Message.LOAD, struct.pack("<BI", index, offset) + part)

    def _parts(self, content: bytes) -> Iterator[tuple[int, bytes]]:
        step = self.identity.payload_bytes - 5
        return ((start, content[start : start + step]) for start in range(0, len(content), step))

    def run(self, inferences: int = 1) -> tuple[int, ...]:
        """Run on the loaded inputs; the count of each, nothing where there is no counter.

        inferences: 1..RUNS_MAX.
        """
        request = struct.pack("<H", inferences)
        timeout_s = self.run_timeout_s * inferences
        answer = self.link.exchange(Message.RUN, request, timeout_s)
        counts = self._after_status(answer)
        return self._counts(counts, inferences)

    def run_window(self, inferences: int) -> int | None:
        """Run back to back in one pulse of the meter's pin; the count of all."""
        request = struct.pack("<I", inferences)
        timeout_s = self.run_timeout_s * inferences
        answer = self.link.exchange(Message.WINDOW, request, timeout_s)
        counts = self._counts(self._after_status(answer), 1)
        return counts[0] if counts else None

    def _counts(self, content: bytes, inferences: int) -> tuple[int, ...]:
        expected = 0 if self.identity.counter is Counter.NONE else inferences
        return _words(content, expected, 8)

    def outputs(self) -> tuple[bytes, ...]:
        """What the last inference wrote."""
        sizes = self.identity.output_bytes
        return tuple(self.read(Room.OUTPUT, index, 0, size) for index, size in enumerate(sizes))

    def read(self, room: Room, index: int, offset: int, size: int) -> bytes:
        """Bytes of an input, an output or the arena (index 0)."""
        content = b""
        while len(content) < size:
            step = min(self.identity.payload_bytes, size - len(content))
            request = struct.pack("<BBIH", room, index, offset + len(content), step)
            answer = self.link.exchange(Message.READ, request)
            if len(answer) != step:
                raise _garbled(f"{len(answer)} bytes instead of {step}")
            content += answer
        return content

    def usage(self) -> Usage:
        """Stack and arena that inferences on the loaded inputs touch."""
        answer = self.link.exchange(Message.USAGE, timeout_s=2 * self.run_timeout_s)
        status, stack, arena = _unpack(_USAGE, answer)
        self._refuse(status)
        return Usage(None if stack == UNKNOWN else stack, arena)

    def layer_counts(self) -> tuple[int | None, ...]:
        """The count of each layer by number - 1, None for one without code; empty: no counter."""
        answer = self.link.exchange(Message.LAYERS, timeout_s=self.run_timeout_s)
        self._after_status(answer)
        if self.identity.counter is Counter.NONE:
            return ()
        counts: list[int] = []
        while len(counts) < self.identity.layers:
            few = min(self.identity.payload_bytes // 4, self.identity.layers - len(counts))
            request = struct.pack("<HH", len(counts), few)
            counts += _words(self.link.exchange(Message.COUNTS, request), few, 4)
        return tuple(None if count == UNKNOWN else count for count in counts)

    def step(self, layer: int) -> int | None:
        """Start a run that stops behind this layer, or behind the first one after it that has code.

        Returns: the layer behind which it stopped; None: the run has ended.
        """
        return self._stop(Message.STEP, layer)

    def go_on(self, layer: int = TO_THE_END) -> int | None:
        """Let a stopped run go on to this layer, as step."""
        return self._stop(Message.CONTINUE, layer)

    def _stop(self, message: Message, layer: int) -> int | None:
        answer = self.link.exchange(message, struct.pack("<H", layer), self.run_timeout_s)
        stopped, number, status = _unpack(_STOP, answer)
        self._refuse(status)
        return number if stopped else None

    def _after_status(self, answer: bytes) -> bytes:
        """What follows a status that must be 0."""
        (status,) = _unpack(_STATUS, answer[: _STATUS.size])
        self._refuse(status)
        return answer[_STATUS.size :]

    def _refuse(self, status: int) -> None:
        if status != 0:
            name = self.identity.model
            raise DeviceError(f"'{name}_run' returned {status} on the board, which means failure")


def _words(content: bytes, expected: int, size: int) -> tuple[int, ...]:
    if len(content) != expected * size:
        raise _garbled(f"{len(content)} bytes instead of {expected * size}")
    starts = range(0, len(content), size)
    return tuple(int.from_bytes(content[at : at + size], "little") for at in starts)


def _unpack(layout: struct.Struct, content: bytes) -> tuple[int, ...]:
    if len(content) != layout.size:
        raise _garbled(f"{len(content)} bytes instead of {layout.size}")
    return layout.unpack(content)


def _garbled(what: str) -> DeviceError:
    return DeviceError(
        "the board's answer cannot be read",
        details=[what],
        hints=["build the firmware anew with this edgetool: edgetool firmware ARTIFACT"],
    )
