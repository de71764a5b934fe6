"""Boards and lines that misbehave: what gets lost is asked for again, the rest is a clear error."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from board_line import Line, host_board
from edgetool.errors import DeviceError
from edgetool.runtimes.serial_board import Board, Counter, Room, SerialBoard, connect, link
from edgetool.runtimes.serial_board.identity import identity_in
from edgetool.transports.frames import Frame, FrameReader
from needs import require_module

FIRST, SECOND = bytes(range(250)) * 5 + bytes(50), bytes(range(10))
LAYER_1 = bytes((a + SECOND[i % 10]) % 256 for i, a in enumerate(FIRST))
EXPECTED = bytes((value + 1) % 256 for value in LAYER_1)
SEED = 11


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_module("serial", "pip install 'edgetool[mcu]'")
    return host_board(tmp_path_factory.mktemp("board"))


@pytest.fixture
def line(program: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A board on a good wire; patience is short, as a pseudo-terminal is fast."""
    monkeypatch.setattr(link, "REPEAT_S", 0.15)
    monkeypatch.setattr("edgetool.runtimes.serial_board.board.OPEN_TIMEOUT_S", 3.0)
    with Line([program]) as found:
        yield found


def device(line: Line, timeout_s: float = 5.0) -> SerialBoard:
    return SerialBoard(line.path, run_timeout_s=timeout_s)


def infer(line: Line) -> bytes:
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        assert len(board.run(3)) == 3
        (output,) = board.outputs()
    return output


def test_a_board_tells_who_it_is_and_computes(line: Line) -> None:
    with connect(device(line)) as board:
        who = board.identity
        assert (who.model, who.sha256, who.core, who.port) == ("adder", "0123abcd", "host", "host")
        assert (who.emulated, who.kind, who.counter) == (False, "measured", Counter.CYCLES)
        assert (who.clock_hz, who.layers, who.arena_bytes) == (1_000_000_000, 4, 1310)
        assert (who.input_bytes, who.output_bytes) == ((1300, 10), (1300,))
        board.load([FIRST, SECOND])
        board.run()
        assert board.outputs() == (EXPECTED,)
        assert board.read(Room.INPUT, 0, 7, 1200) == FIRST[7:1207]
        assert board.usage().arena_bytes == 1301
        assert (board.run_window(5) or 0) > 0
        assert board.link.repeats == 0


def test_layers_are_counted_and_one_without_code_is_absent(line: Line) -> None:
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        counts = board.layer_counts()
    assert [count is None for count in counts] == [False, False, True, False]


def test_a_run_stops_behind_a_layer_and_shows_what_it_left(line: Line) -> None:
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        assert board.step(1) == 1
        assert board.read(Room.ARENA, 0, 0, 1300) == LAYER_1
        with pytest.raises(DeviceError, match="refused RUN: stopped at layer"):
            board.run()
        assert board.go_on(2) == 2
        assert board.read(Room.ARENA, 0, 0, 1300) == EXPECTED
        assert board.go_on(3) == 4
        assert board.go_on() is None
        assert board.outputs() == (EXPECTED,)
        with pytest.raises(DeviceError, match="not stopped"):
            board.go_on()


def test_a_host_that_went_away_in_the_middle_of_a_run_does_not_block_the_next(line: Line) -> None:
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        assert board.step(1) == 1
    assert infer(line) == EXPECTED


def test_nothing_runs_before_its_inputs_are_there(line: Line) -> None:
    with connect(device(line)) as board, pytest.raises(DeviceError, match="was reset"):
        board.run()


def test_a_model_that_fails_is_named_with_its_status(line: Line) -> None:
    with connect(device(line)) as board:
        board.load([FIRST, b"\x63" + SECOND[1:]])
        with pytest.raises(DeviceError, match="'adder_run' returned 7"):
            board.run(2)


def test_inputs_of_another_size_are_refused_before_they_are_sent(line: Line) -> None:
    with connect(device(line)) as board, pytest.raises(DeviceError, match=r"not \(1, 10\)"):
        board.load([b"x", SECOND])


def test_another_artifact_on_the_board_is_an_error(line: Line) -> None:
    wanted = pytest.raises(DeviceError, match="another model is on the board: 'adder'")
    with wanted, connect(device(line), "f" * 64):
        pass


def test_lost_and_changed_bytes_are_asked_for_again(line: Line) -> None:
    random.seed(SEED)

    def noisy(data: bytes) -> bytes:
        changed = bytearray()
        for byte in data:
            fate = random.random()
            if fate < 0.0003:
                continue
            changed.append(byte ^ 0x10 if fate < 0.0006 else byte)
        return bytes(changed)

    line.to_board = line.to_host = noisy
    assert infer(line) == EXPECTED


def test_frames_that_come_twice_are_acted_on_once(line: Line) -> None:
    line.to_board = line.to_host = lambda data: data + data
    assert infer(line) == EXPECTED


def test_garbage_between_frames_is_passed_over(line: Line) -> None:
    random.seed(SEED)
    line.to_host = lambda data: random.randbytes(9).replace(b"\0", b"\1") + b"\0" + data
    line.to_board = lambda data: random.randbytes(5) + b"\0" + data
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        board.run()
        assert board.outputs() == (EXPECTED,)
        assert board.link.broken > 0


def test_a_lost_answer_is_repeated_without_running_again(line: Line) -> None:
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        board.run()
        line.to_host = lambda data: data if board.link.repeats else b""
        board.run()
        assert board.link.repeats >= 1
        assert board.read(Room.ARENA, 0, 1300, 1) == b"\2", "the model ran twice"


def test_silence_says_what_to_try(line: Line) -> None:
    line.to_host = lambda data: b""
    with (
        pytest.raises(DeviceError, match="no answer from '/dev/pts/") as caught,
        connect(device(line)),
    ):
        pass
    assert any("--flash" in hint for hint in caught.value.hints)


def test_another_firmware_on_the_board_is_told_from_silence(line: Line) -> None:
    line.to_host = lambda data: b"Hello from Zephyr\r\n\0"
    with (
        pytest.raises(DeviceError, match="sends something, but no answer") as caught,
        connect(device(line)),
    ):
        pass
    assert "wrong checksum" in "".join(caught.value.details)


def test_a_firmware_of_another_protocol_version_is_named(line: Line) -> None:
    line.to_host = lambda data: Frame(0, 0x41, b"", version=9).encode()
    with pytest.raises(DeviceError, match="protocol version 9"), connect(device(line)):
        pass


def test_a_reset_in_the_middle_is_an_error_and_not_a_wrong_result(line: Line) -> None:
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        board.run()
        line.reset()
        with pytest.raises(DeviceError, match="was reset"):
            board.run()


def test_a_reset_that_nobody_heard_is_noticed_all_the_same(line: Line) -> None:
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        line.to_host = lambda data: b""
        line.reset()
        time.sleep(0.3)
        line.to_host = lambda data: data
        with pytest.raises(DeviceError, match="was reset"):
            board.run()


def test_an_unplugged_board_is_an_error_and_no_hang(line: Line) -> None:
    with connect(device(line)) as board:
        board.load([FIRST, SECOND])
        line.to_board = lambda data: b""  # it cannot answer before the cable is out
        threading.Timer(0.3, line.cut).start()
        start = time.monotonic()
        with pytest.raises(DeviceError, match="lost '/dev/pts/"):
            board.run()
        assert time.monotonic() - start < 4


def test_a_board_that_hangs_ends_with_the_time_given(line: Line) -> None:
    with connect(device(line, timeout_s=0.5)) as board:
        board.load([FIRST, SECOND])
        line.to_board = lambda data: b""
        with pytest.raises(DeviceError, match=r"within 0\.5 s"):
            board.run()


def test_a_fault_names_its_place(line: Line) -> None:
    words = (0x8200, 0x1234, 0x5678, 0xE0000000)
    fault = Frame(0, 0x42, b"".join(word.to_bytes(4, "little") for word in words)).encode()
    with connect(device(line)) as board:
        line.to_host = lambda data: fault
        with pytest.raises(DeviceError, match="faulted on the board") as caught:
            board.load([FIRST, SECOND])
    assert "pc 0x00001234" in caught.value.details[0]


def test_any_requests_leave_the_firmware_alive_under_sanitizers(line: Line) -> None:
    """Thousands of random requests, well framed, of every type; then it still computes."""
    random.seed(SEED)
    requests = bytearray()
    for _ in range(4000):
        kind = random.choice((1, 2, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, random.randrange(256)))
        size = random.choice((0, 1, 2, 3, 4, 5, 6, 8, 8, 8, random.randrange(513)))
        payload = bytearray(random.choice((0, 0, 1, 2, 255)) for _ in range(size))
        if kind in (3, 4) and payload:
            payload = bytearray(random.randrange(3) for _ in payload[:2]) + bytes(len(payload[2:]))
        requests += Frame(random.randrange(256), kind, bytes(payload)).encode()
        if len(requests) > 3000:
            line._process.stdin.write(requests)  # type: ignore[union-attr]
            requests.clear()
    line.to_host = lambda data: b""
    line._process.stdin.write(requests)  # type: ignore[union-attr]
    time.sleep(0.5)
    assert line.returncode is None
    line.to_host = lambda data: data
    assert infer(line) == EXPECTED


class LyingPort:
    """A port with a program behind it that answers in whole frames, with anything."""

    path = "/dev/null"
    is_pseudo_terminal = True

    def __init__(self, answers: list[tuple[int, int, bytes]]) -> None:
        self.answers = answers
        self.waiting = b""

    def write(self, data: bytes) -> None:
        (request,) = FrameReader().take(data)
        offset, kind, payload = self.answers.pop() if self.answers else (0, 0x42, b"")
        if request.type == link.Message.OPEN:
            payload = request.payload + payload
        kind = kind or request.type | link.RESPONSE
        self.waiting += Frame((request.sequence + offset) % 256, kind, payload).encode()
        self.waiting += Frame(0, 0x42).encode()  # what it has not understood ends with a fault

    def read(self, timeout_s: float) -> bytes:
        data, self.waiting = self.waiting, b""
        return data

    def discard_input(self) -> None:
        self.waiting = b""


HEAD = bytes([0, 3, *bytes(4), 0, 2, 2, 0, *bytes(4), 1, 1, 4, 0, 0, 0, 4, 0, 0, 0])
HONEST = HEAD + b"model\0sha\0core\0gcc\0port\0"
ANSWER = st.tuples(
    st.sampled_from([0, 0, 0, 0, 1]),
    st.sampled_from([0, 0, 0, 0, 0x41, 0x42, 0xFF]),
    st.one_of(st.binary(max_size=24), st.sampled_from([HONEST, bytes(4), bytes(12), bytes(7)])),
)


@given(st.lists(ANSWER, max_size=8), st.booleans())
def test_any_answers_are_taken_or_refused(
    answers: list[tuple[int, int, bytes]], opens: bool
) -> None:
    port = LyingPort([*answers, (0, 0, HONEST)] if opens else answers)
    try:
        wire = link.Link(port)  # type: ignore[arg-type]
        board = Board(wire, identity_in(wire.open(1, 0.01)), 0.01)
        board.load([bytes(size) for size in board.identity.input_bytes])
        assert len(board.run(1)) in (0, 1)
        assert [len(output) for output in board.outputs()] == list(board.identity.output_bytes)
        board.usage()
        board.layer_counts()
        board.step(1)
    except DeviceError as error:
        assert error.message
