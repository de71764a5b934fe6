"""Counting the fields of a protobuf message before it is parsed.

Two bytes can be an empty node that costs protobuf a hundred: without a count, a file of some
megabytes could ask for gigabytes.
"""

from __future__ import annotations

from typing import Any

import onnx

from edgetool.errors import ModelFormatError

MAX_FIELDS = 1_000_000
MAX_DEPTH = 100

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MALFORMED = "not an ONNX model, or cut short"


def check_fields(data: bytes) -> None:
    """Walk the messages of a ModelProto.

    Raises: ModelFormatError when there are more than MAX_FIELDS fields, when messages are nested
    more than MAX_DEPTH deep, or when the bytes are not protobuf.
    """
    waiting: list[tuple[int, int, Any, int]] = [(0, len(data), onnx.ModelProto.DESCRIPTOR, 0)]
    left = MAX_FIELDS
    while waiting:
        position, end, message, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ModelFormatError(f"messages are nested more than {MAX_DEPTH} deep")
        while position < end:
            left -= 1
            if left < 0:
                raise ModelFormatError(f"more than {MAX_FIELDS:,} fields")
            tag, position = _varint(data, position, end)
            start, position = _value(data, position, end, tag & 7)
            field = message.fields_by_number.get(tag >> 3)
            if tag & 7 == _BYTES and field is not None and field.message_type is not None:
                waiting.append((start, position, field.message_type, depth + 1))


def _value(data: bytes, position: int, end: int, kind: int) -> tuple[int, int]:
    """Where the field's value starts and where the next field does."""
    if kind == _VARINT:
        return position, _varint(data, position, end)[1]
    if kind == _BYTES:
        length, position = _varint(data, position, end)
    elif kind in (_FIXED64, _FIXED32):
        length = 8 if kind == _FIXED64 else 4
    else:
        raise ModelFormatError(_MALFORMED)
    if length > end - position:
        raise ModelFormatError(_MALFORMED)
    return position, position + length


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    number = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise ModelFormatError(_MALFORMED)
