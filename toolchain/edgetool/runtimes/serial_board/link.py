"""One request, one response, whatever happens on the line.

A request is repeated until it is answered or its time is over: the firmware answers a repeated one
from memory and does not act twice. Answers to earlier requests, garbage and echoes are passed over.
"""

from __future__ import annotations

import random
import time
from enum import IntEnum

from edgetool.errors import DeviceError
from edgetool.transports.frames import PROTOCOL_VERSION, Frame, FrameReader
from edgetool.transports.serial import SerialPort

RESPONSE = 0x80
REPEAT_S = 1.0
ANSWER_TIMEOUT_S = 5.0


class Message(IntEnum):
    """Types of frames: edge_session.h, enum edge_message."""

    OPEN = 1
    LOAD = 2
    RUN = 3
    WINDOW = 4
    READ = 5
    USAGE = 6
    LAYERS = 7
    COUNTS = 8
    STEP = 9
    CONTINUE = 10
    HELLO = 0x41
    FAULT = 0x42
    ERROR = 0xFF


class Reason(IntEnum):
    """Why a request was refused: edge_session.h, enum edge_reason."""

    UNKNOWN_REQUEST = 1
    BAD_REQUEST = 2
    NOT_OPEN = 3
    INPUT_MISSING = 4
    STOPPED_AT_LAYER = 5
    NOT_STOPPED = 6
    OTHER_VERSION = 7


class Link:
    """A serial line with edgetool's firmware on its other end.

    broken: pieces between frames' ends that were no whole frame.   repeats: requests sent again.
    """

    def __init__(self, port: SerialPort) -> None:
        self.port = port
        self.repeats = 0
        self.heard = 0
        self._reader = FrameReader()
        self._sequence = random.randrange(255)
        self._is_open = False

    @property
    def broken(self) -> int:
        """Pieces of what was received that were no frame."""
        return self._reader.broken

    def open(self, nonce: int, timeout_s: float) -> bytes:
        """OPEN's response behind the nonce; from here on a reset is an error."""
        self.port.discard_input()
        payload = nonce.to_bytes(4, "little")
        answer = self.exchange(Message.OPEN, payload, timeout_s)
        self._is_open = True
        return answer[len(payload) :]

    def exchange(
        self, message: Message, payload: bytes = b"", timeout_s: float = ANSWER_TIMEOUT_S
    ) -> bytes:
        """The response's payload.

        Raises: DeviceError: no answer in time, a refusal, a fault or a reset of the board, the port
        lost.
        """
        self._sequence = self._sequence % 255 + 1
        request = Frame(self._sequence, message, payload)
        deadline = time.monotonic() + timeout_s
        self.port.write(request.encode())
        while (left := deadline - time.monotonic()) > 0:
            answer = self._answer(request, min(REPEAT_S, left))
            if answer is not None:
                return answer
            self.repeats += 1
            self.port.write(request.encode())
        raise self._no_answer(message.name, timeout_s)

    def _answer(self, request: Frame, timeout_s: float) -> bytes | None:
        """The response to request, None if there is none in time."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            data = self.port.read(left)
            self.heard += len(data)
            for frame in self._reader.take(data):
                _refuse_other_version(frame)
                if frame.sequence == 0:
                    self._notice(frame)
                elif _answers(frame, request):
                    if frame.type == Message.ERROR:
                        raise _refusal(frame, request)
                    return frame.payload
        return None

    def _notice(self, frame: Frame) -> None:
        """What the board says unasked."""
        if frame.type == Message.FAULT:
            raise _fault(frame.payload)
        if frame.type == Message.HELLO and self._is_open:
            raise reset_error()

    def _no_answer(self, what: str, timeout_s: float) -> DeviceError:
        path = self.port.path
        if not self.heard:
            return DeviceError(
                f"no answer from '{path}' within {timeout_s:g} s",
                details=[f"asked for: {what}"],
                hints=[
                    "edgetool firmware ARTIFACT --flash, if its firmware is not on the board",
                    "press the board's reset button; check that this is its serial port",
                    "--timeout SECONDS, if one inference takes longer",
                ],
            )
        return DeviceError(
            f"'{path}' sends something, but no answer within {timeout_s:g} s",
            details=[
                f"asked for: {what}",
                f"received {self.heard:,} bytes, {self.broken:,} pieces with a wrong checksum",
            ],
            hints=[
                "is another firmware on the board? edgetool firmware ARTIFACT --flash",
                "a slower --baud on both sides, a shorter cable, if bytes get lost",
            ],
        )


def reset_error() -> DeviceError:
    """The board started anew: what it held is gone."""
    return DeviceError(
        "the board was reset while it was used",
        hints=["check its power supply and watchdog, then run it again"],
    )


def _refuse_other_version(frame: Frame) -> None:
    if frame.version != PROTOCOL_VERSION:
        raise DeviceError(
            f"the firmware speaks protocol version {frame.version}, this edgetool "
            f"{PROTOCOL_VERSION}",
            hints=["edgetool firmware ARTIFACT --flash puts a matching one on the board"],
        )


def _answers(frame: Frame, request: Frame) -> bool:
    """Whether it is this request's answer, and not one to an earlier program's."""
    if frame.sequence != request.sequence:
        return False
    if frame.type == Message.ERROR:
        return frame.payload[1:2] == bytes((request.type,))
    if request.type == Message.OPEN and not frame.payload.startswith(request.payload):
        return False
    return frame.type == request.type | RESPONSE


def _refusal(frame: Frame, request: Frame) -> DeviceError:
    reason = frame.payload[0] if frame.payload else 0
    if reason in (Reason.NOT_OPEN, Reason.INPUT_MISSING):
        return reset_error()
    known = {each.value: each.name.lower().replace("_", " ") for each in Reason}
    why = known.get(reason, f"reason {reason}")
    return DeviceError(
        f"the board refused {Message(request.type).name}: {why}",
        hints=["build the firmware anew with this edgetool: edgetool firmware ARTIFACT"],
    )


def _fault(payload: bytes) -> DeviceError:
    words = [int.from_bytes(payload[at : at + 4], "little") for at in range(0, len(payload), 4)]
    names = ("cause", "pc", "lr", "address")
    found = ", ".join(f"{name} {word:#010x}" for name, word in zip(names, words, strict=False))
    return DeviceError(
        "the firmware faulted on the board",
        details=[found or "it does not say where"],
        hints=[
            "a stack that is too small is the most frequent cause",
            "edgetool verify ARTIFACT, to see whether the model runs in the emulator",
        ],
    )
