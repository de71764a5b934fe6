"""Frames on a serial line, on both sides: the host's in Python and the board's in C."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from board_line import HOST_FLAGS, SANITIZERS, C
from edgetool.compilers.ports import firmware_folder
from edgetool.errors import DeviceError
from edgetool.runtimes.serial_board.identity import Identity, identity_in
from edgetool.transports.frames import PAYLOAD_MAX, Frame, FrameReader, stuff, unstuff
from needs import require_tool

PAYLOADS = st.one_of(
    st.binary(max_size=PAYLOAD_MAX),
    st.integers(0, PAYLOAD_MAX).map(bytes),
    st.integers(240, PAYLOAD_MAX).map(lambda size: b"\x01" * size),
)
FRAMES = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), PAYLOADS)
SEED = 7


@given(st.binary(max_size=1200))
def test_stuffed_bytes_have_no_zero_and_come_back(content: bytes) -> None:
    assert 0 not in stuff(content)
    assert unstuff(stuff(content)) == content


@given(st.lists(FRAMES, max_size=4), st.binary(max_size=40))
def test_frames_are_found_behind_garbage(frames: list[Frame], garbage: bytes) -> None:
    line = garbage + b"".join(frame.encode() for frame in frames)
    found = list(FrameReader().take(line))
    assert found[len(found) - len(frames) :] == frames


@given(FRAMES, st.data())
def test_one_changed_byte_is_noticed(frame: Frame, data: st.DataObject) -> None:
    line = bytearray(frame.encode())
    at = data.draw(st.integers(1, len(line) - 2))
    line[at] ^= data.draw(st.integers(1, 255))
    assert frame not in list(FrameReader().take(bytes(line)))


@given(st.binary(max_size=3000))
def test_any_bytes_are_read_without_an_exception(line: bytes) -> None:
    for frame in FrameReader().take(line):
        assert len(frame.payload) <= PAYLOAD_MAX


def test_a_payload_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="513 bytes"):
        Frame(1, 1, bytes(PAYLOAD_MAX + 1)).encode()


@given(st.binary(max_size=200))
def test_any_identity_is_read_or_refused(payload: bytes) -> None:
    try:
        assert isinstance(identity_in(payload), Identity)
    except DeviceError as error:
        assert error.hints


@given(st.binary(max_size=80))
def test_texts_of_an_identity_are_short_and_printable(texts: bytes) -> None:
    head = bytes([1, 3, *bytes(4), 0, 2, 3, 0, *bytes(4), 1, 1, *bytes(8)])
    try:
        found = identity_in(head + texts)
    except DeviceError:
        return
    assert (found.model + found.core + found.compiler + found.port).isprintable()


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that sends back every frame that the board's reader finds."""
    gcc = require_tool("gcc", "apt install gcc")
    program = tmp_path_factory.mktemp("echo") / "echo"
    origin = firmware_folder()
    command = [gcc, *HOST_FLAGS, *SANITIZERS, f"-I{origin}", origin / "edge_frame.c",
               C / "echo_frames.c", "-o", program]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True)
    return program


def echoed(program: Path, line: bytes) -> list[Frame]:
    done = subprocess.run([program], input=line, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    reader = FrameReader()
    frames = list(reader.take(done.stdout))
    assert reader.broken == 0, "the board's frames are whole"
    return frames


@settings(max_examples=25)
@given(st.lists(FRAMES, max_size=30), st.binary(max_size=600))
def test_the_board_finds_what_the_host_sends_and_answers_in_kind(
    echo: Path, frames: list[Frame], garbage: bytes
) -> None:
    found = echoed(echo, garbage + b"".join(frame.encode() for frame in frames))
    assert found[len(found) - len(frames) :] == frames


def test_the_board_and_the_host_agree_on_mutated_lines(echo: Path) -> None:
    """Whatever the line has become, both sides find the same frames in it."""
    random.seed(SEED)
    line = bytearray()
    for _ in range(2000):
        size = random.choice((0, 1, 5, 253, 254, 255, 508, 512))
        payload = bytes(random.choice((0, 1, 255)) for _ in range(size))
        piece = bytearray(Frame(random.randrange(256), random.randrange(256), payload).encode())
        for _ in range(random.choice((0, 0, 1, 3))):
            at = random.randrange(len(piece))
            piece[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
        line += piece
    line += b"\0"
    frames = list(FrameReader().take(bytes(line)))
    assert 500 < len(frames) < 2000
    assert echoed(echo, bytes(line)) == frames
