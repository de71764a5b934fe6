"""Frames on a serial line: COBS between zero bytes, CRC-32 inside; the host's side.

The device's side, with the format, is targets/firmware/edge_frame.h.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PROTOCOL_VERSION = 1
PAYLOAD_MAX = 512
_HEADER_BYTES = 3
_CRC_BYTES = 4
CONTENT_MAX = _HEADER_BYTES + PAYLOAD_MAX + _CRC_BYTES
_ENCODED_MAX = CONTENT_MAX + CONTENT_MAX // 254 + 1
_LONGEST_RUN = 254


@dataclass(frozen=True)
class Frame:
    """A message.   sequence: 1..255 of a request and its response, 0 for what comes unasked."""

    sequence: int
    type: int
    payload: bytes = b""
    version: int = PROTOCOL_VERSION

    def encode(self) -> bytes:
        """The bytes for the line. Raises: ValueError for a payload that no frame may have."""
        if len(self.payload) > PAYLOAD_MAX:
            raise ValueError(f"a payload of {len(self.payload)} bytes, {PAYLOAD_MAX} at most")
        content = bytes((self.version, self.sequence, self.type)) + self.payload
        content += zlib.crc32(content).to_bytes(_CRC_BYTES, "little")
        return b"\0" + stuff(content) + b"\0"


class FrameReader:
    """Finds frames among bytes from a line.

    broken: how many pieces between zero bytes were no whole frame, garbage and echoes included.
    """

    def __init__(self) -> None:
        self.broken = 0
        self._piece = bytearray()
        self._overlong = False

    def take(self, data: bytes) -> Iterator[Frame]:
        """The frames that end within data."""
        for byte in data:
            if byte:
                self._append(byte)
                continue
            frame = self._end()
            if frame is not None:
                yield frame

    def _append(self, byte: int) -> None:
        if len(self._piece) < _ENCODED_MAX:
            self._piece.append(byte)
        else:
            self._overlong = True

    def _end(self) -> Frame | None:
        piece, overlong = bytes(self._piece), self._overlong
        self._piece.clear()
        self._overlong = False
        if not piece:
            return None
        frame = None if overlong else _frame_in(unstuff(piece))
        self.broken += frame is None
        return frame


def stuff(content: bytes) -> bytes:
    """Consistent overhead byte stuffing: the same content without zero bytes."""
    encoded = bytearray()
    for piece in content.split(b"\0"):
        while len(piece) >= _LONGEST_RUN:
            encoded += b"\xff" + piece[:_LONGEST_RUN]
            piece = piece[_LONGEST_RUN:]
        encoded += bytes((len(piece) + 1,)) + piece
    return bytes(encoded)


def unstuff(encoded: bytes) -> bytes | None:
    """The content behind stuffed bytes, None where a block is cut off."""
    content = bytearray()
    position = 0
    while position < len(encoded):
        code = encoded[position]
        block = encoded[position + 1 : position + code]
        if len(block) != code - 1:
            return None
        content += block
        position += code
        if code <= _LONGEST_RUN and position < len(encoded):
            content.append(0)
    return bytes(content)


def _frame_in(content: bytes | None) -> Frame | None:
    if content is None or not _HEADER_BYTES + _CRC_BYTES <= len(content) <= CONTENT_MAX:
        return None
    covered, crc = content[:-_CRC_BYTES], content[-_CRC_BYTES:]
    if zlib.crc32(covered).to_bytes(_CRC_BYTES, "little") != crc:
        return None
    return Frame(covered[1], covered[2], covered[_HEADER_BYTES:], covered[0])
