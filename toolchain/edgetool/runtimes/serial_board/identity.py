"""Who is on the line: what OPEN's response says."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from edgetool.errors import DeviceError
from edgetool.figures import Kind

_HEAD = struct.Struct("<BBIHHIBB")
_SIZE = struct.Struct("<I")
_TEXTS = 5
LONGEST_TEXT = 64
LARGEST_BUFFER = 1 << 28  # more than any such board has: reading it would not end


class Counter(IntEnum):
    """What the firmware counts with: edge_board.h, enum edge_counter."""

    NONE = 0
    DWT = 1
    SYSTICK = 2
    CYCLES = 3
    INSTRUCTIONS = 4


_SOURCES = {
    Counter.NONE: "",
    Counter.DWT: "DWT cycle counter",
    Counter.SYSTICK: "SysTick at the processor's clock",
    Counter.CYCLES: "the port's own cycle counter",
    Counter.INSTRUCTIONS: "the emulator's instruction clock",
}


@dataclass(frozen=True)
class Identity:
    """A board and the model in it.

    emulated: no figure of this board is a measurement.   clock_hz: 0 where it does not know.
    payload_bytes: the largest payload it takes.   layers: the highest layer number.
    input_bytes, output_bytes: of each buffer in order.   sha256: of the artifact in it.
    core, compiler, port: what the model was built for, by what, and how the board is driven.
    """

    emulated: bool
    counter: Counter
    clock_hz: int
    payload_bytes: int
    layers: int
    arena_bytes: int
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]
    model: str
    sha256: str
    core: str
    compiler: str
    port: str

    @property
    def kind(self) -> Kind:
        """How figures of this board were obtained."""
        return "emulated" if self.emulated else "measured"

    @property
    def counted(self) -> str:
        """The name of the figure that the counter gives: "cycles" or "instructions"."""
        return "instructions" if self.counter is Counter.INSTRUCTIONS else "cycles"

    @property
    def source(self) -> str:
        """The counter, for the reader of a figure."""
        return f"{_SOURCES[self.counter]}, {self.port}"

    def require(self, artifact_sha256: str) -> None:
        """Raises: DeviceError if another artifact, or another build of it, is on the board."""
        if self.sha256 == artifact_sha256:
            return
        raise DeviceError(
            f"another model is on the board: '{self.model}'",
            details=[
                f"on the board: artifact {self.sha256[:16] or '?'}…, for {self.core}",
                f"asked for:    artifact {artifact_sha256[:16]}…",
            ],
            hints=["edgetool firmware ARTIFACT --flash puts this one on the board"],
        )


def identity_in(payload: bytes) -> Identity:
    """The identity in OPEN's response, behind its nonce.

    Raises: DeviceError for bytes that are none.
    """
    try:
        return _identity(payload)
    except (struct.error, ValueError) as error:
        raise DeviceError(
            "the board's description of itself cannot be read",
            details=[str(error)],
            hints=["build the firmware anew with this edgetool: edgetool firmware ARTIFACT"],
        ) from error


def _identity(payload: bytes) -> Identity:
    emulated, counter, clock, largest, layers, arena, inputs, outputs = _HEAD.unpack_from(payload)
    offset, sizes = _HEAD.size, []
    for _ in range(inputs + outputs):
        sizes.append(_SIZE.unpack_from(payload, offset)[0])
        offset += _SIZE.size
    if max(sizes, default=0) > LARGEST_BUFFER:
        raise ValueError(f"a buffer of {max(sizes):,} bytes")
    if not inputs or not outputs or largest < 2 * _HEAD.size:
        raise ValueError(f"{inputs} inputs, {outputs} outputs, payloads of {largest} bytes")
    model, sha256, core, compiler, port = _texts(payload[offset:])
    return Identity(
        bool(emulated),
        Counter(counter),
        clock,
        largest,
        layers,
        arena,
        tuple(sizes[:inputs]),
        tuple(sizes[inputs:]),
        model,
        sha256,
        core,
        compiler,
        port,
    )


def _texts(payload: bytes) -> list[str]:
    parts = payload.split(b"\0")
    if len(parts) != _TEXTS + 1 or parts[-1]:
        raise ValueError(f"{len(parts) - 1} texts instead of {_TEXTS}")
    return [_text(part) for part in parts[:_TEXTS]]


def _text(part: bytes) -> str:
    """It goes to terminals: plain and short."""
    text = part.decode("ascii")
    if not text.isprintable() or len(text) > LONGEST_TEXT:
        raise ValueError(f"a text that is not printable, or too long: {text[:LONGEST_TEXT]!r}")
    return text
