"""Files to a device and back, over every transport: whole or not there, and nothing else."""

from __future__ import annotations

import hashlib
import os
import random
import stat
from pathlib import Path

import pytest

from edgetool.errors import (
    DeviceError,
    NotPermittedError,
    OutputExistsError,
    ProtocolError,
    UsageError,
)
from edgetool.transports.transport import Transport

pytestmark = pytest.mark.parametrize("backend", ["local", "ssh", "openssh"])

BLOCK = 65536  # what a resume is rounded down to
SIZE = 5 * BLOCK + 1234
NAMES = ["model.onnx", "a b/c.bin", "-rf", "ü'\"$(x)`y`\\z", "two\nlines", "releases/x/current"]
SEED = 7


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(random.Random(SEED).randbytes(SIZE))
    return path


def part_of(target: Path, content: bytes) -> Path:
    return target.with_name(f"{target.name}.{hashlib.sha256(content).hexdigest()[:16]}.part")


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", NAMES)
def test_upload_puts_the_whole_file_there_and_nothing_beside_it(
    transport: Transport, home: Path, source: Path, name: str
) -> None:
    moved = transport.upload(source, name)
    assert (home / name).read_bytes() == source.read_bytes()
    assert (moved.size_bytes, moved.moved_bytes) == (SIZE, SIZE)
    assert files_in(home) == [name]


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 8 * BLOCK])
def test_files_of_any_size_go_there_and_come_back(
    transport: Transport, home: Path, tmp_path: Path, size: int
) -> None:
    content = random.Random(size).randbytes(size)
    (tmp_path / "source").write_bytes(content)
    transport.upload(tmp_path / "source", "there")
    assert (home / "there").read_bytes() == content
    fetched = transport.download("there", tmp_path / "back", limit_bytes=size)
    assert (tmp_path / "back").read_bytes() == content
    assert fetched.moved_bytes == size


def test_upload_gives_the_mode_that_was_asked_for(
    transport: Transport, home: Path, source: Path
) -> None:
    transport.upload(source, "program", mode=0o555)
    assert stat.S_IMODE((home / "program").stat().st_mode) == 0o555


def test_upload_to_an_absolute_path(transport: Transport, home: Path, source: Path) -> None:
    transport.upload(source, str(home / "deep/er/file"))
    assert (home / "deep/er/file").read_bytes() == source.read_bytes()


def test_a_file_that_is_there_is_not_sent_again(
    transport: Transport, home: Path, source: Path
) -> None:
    transport.upload(source, "file", mode=0o644)
    again = transport.upload(source, "file", mode=0o444)
    assert again.moved_bytes == 0
    assert stat.S_IMODE((home / "file").stat().st_mode) == 0o444


def test_another_file_of_the_same_length_is_replaced(
    transport: Transport, home: Path, source: Path
) -> None:
    (home / "file").write_bytes(bytes(SIZE))
    assert transport.upload(source, "file").moved_bytes == SIZE
    assert (home / "file").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("present", [1, BLOCK - 1, BLOCK, 3 * BLOCK + 5, SIZE])
def test_upload_goes_on_behind_the_blocks_that_are_there(
    transport: Transport, home: Path, source: Path, present: int
) -> None:
    content = source.read_bytes()
    part_of(home / "file", content).write_bytes(content[:present])
    moved = transport.upload(source, "file")
    assert moved.moved_bytes == SIZE - present // BLOCK * BLOCK
    assert (home / "file").read_bytes() == content
    assert files_in(home) == ["file"]


@pytest.mark.parametrize("at", [0, BLOCK, 2 * BLOCK + 17])
def test_a_part_that_was_corrupted_is_sent_from_the_start(
    transport: Transport, home: Path, source: Path, at: int
) -> None:
    content = source.read_bytes()
    spoiled = bytearray(content[: 4 * BLOCK])
    spoiled[at] ^= 1
    part_of(home / "file", content).write_bytes(spoiled)
    assert transport.upload(source, "file").moved_bytes == SIZE
    assert (home / "file").read_bytes() == content


def test_a_part_longer_than_the_file_is_sent_from_the_start(
    transport: Transport, home: Path, source: Path
) -> None:
    content = source.read_bytes()
    part_of(home / "file", content).write_bytes(content + b"more")
    transport.upload(source, "file")
    assert (home / "file").read_bytes() == content


def test_a_link_in_place_of_the_part_is_not_followed(
    transport: Transport, home: Path, source: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    part_of(home / "file", source.read_bytes()).symlink_to(victim)
    transport.upload(source, "file")
    assert victim.read_text() == "precious"
    assert (home / "file").read_bytes() == source.read_bytes()


def test_a_link_in_place_of_the_target_is_replaced(
    transport: Transport, home: Path, source: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (home / "file").symlink_to(victim)
    transport.upload(source, "file")
    assert victim.read_text() == "precious"
    assert not (home / "file").is_symlink()


@pytest.mark.parametrize("target", ["", "folder/", ".", "a/..", "nul\0"])
def test_a_path_that_is_no_files_path_is_refused(
    transport: Transport, source: Path, target: str
) -> None:
    with pytest.raises(UsageError, match="not a file's path"):
        transport.upload(source, target)


def test_upload_over_a_folder_is_refused(transport: Transport, home: Path, source: Path) -> None:
    (home / "folder").mkdir()
    with pytest.raises(DeviceError, match="cannot write"):
        transport.upload(source, "folder")
    assert files_in(home) == []


def test_upload_below_a_file_is_refused(transport: Transport, home: Path, source: Path) -> None:
    (home / "file").write_text("x")
    with pytest.raises(DeviceError, match="cannot write"):
        transport.upload(source, "file/below")
    assert (home / "file").read_text() == "x"


def test_upload_of_a_file_that_is_not_there_is_the_users_mistake(
    transport: Transport, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        transport.upload(tmp_path / "nothing", "file")


def test_upload_of_a_file_with_another_hash_than_announced_leaves_nothing(
    transport: Transport, home: Path, source: Path
) -> None:
    with pytest.raises(UsageError, match="does not have the sha256"):
        transport.upload(source, "file", sha256="0" * 64)
    assert files_in(home) == []


def test_upload_tells_how_far_it_is(transport: Transport, home: Path, source: Path) -> None:
    content = source.read_bytes()
    part_of(home / "file", content).write_bytes(content[: 2 * BLOCK])
    told: list[tuple[int, int, str]] = []
    transport.upload(source, "file", progress=lambda *what: told.append(what))
    assert told[0] == (2 * BLOCK, SIZE, "file")
    assert told[-1] == (SIZE, SIZE, "file")


def test_many_files_are_uploaded_in_one_call(
    transport: Transport, home: Path, tmp_path: Path
) -> None:
    sources = [tmp_path / f"source{index}" for index in range(12)]
    for index, path in enumerate(sources):
        path.write_bytes(bytes([index]) * 1000)
    moved = transport.upload_many([(path, f"into/{path.name}") for path in sources])
    assert [transfer.moved_bytes for transfer in moved] == [1000] * 12
    assert all((home / "into" / path.name).read_bytes() == path.read_bytes() for path in sources)


def test_download_never_overwrites(transport: Transport, home: Path, tmp_path: Path) -> None:
    (home / "file").write_text("from the device")
    target = tmp_path / "mine"
    target.write_text("mine")
    with pytest.raises(OutputExistsError):
        transport.download("file", target, limit_bytes=100)
    assert target.read_text() == "mine"
    assert list(tmp_path.glob(".*.part")) == []


def test_download_follows_no_link_of_this_machine(
    transport: Transport, home: Path, tmp_path: Path
) -> None:
    (home / "file").write_text("from the device")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputExistsError):
        transport.download("file", tmp_path / "link", limit_bytes=100)
    assert not (tmp_path / "elsewhere").exists()


def test_download_stops_at_the_limit(transport: Transport, home: Path, tmp_path: Path) -> None:
    (home / "file").write_bytes(bytes(101))
    with pytest.raises(DeviceError, match="limit is 100 bytes"):
        transport.download("file", tmp_path / "back", limit_bytes=100)
    assert not (tmp_path / "back").exists()
    assert list(tmp_path.glob(".*.part")) == []


@pytest.mark.parametrize("kind", ["folder", "fifo", "nothing", "device"])
def test_download_of_what_is_no_file_is_refused(
    transport: Transport, home: Path, tmp_path: Path, kind: str
) -> None:
    path = home / "it"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(DeviceError, match="cannot read 'it'"):
        transport.download("it", tmp_path / "back", limit_bytes=10**9)
    assert not (tmp_path / "back").exists()


@pytest.mark.without_root_rights
def test_files_without_permission_are_told_as_such(
    transport: Transport, home: Path, source: Path, tmp_path: Path
) -> None:
    (home / "shut").mkdir(mode=0o500)
    with pytest.raises(NotPermittedError, match="no permission"):
        transport.upload(source, "shut/file")
    (home / "unreadable").write_text("x")
    (home / "unreadable").chmod(0)
    with pytest.raises(NotPermittedError, match="no permission"):
        transport.download("unreadable", tmp_path / "back", limit_bytes=10)


def test_run_gives_exit_code_and_both_outputs(transport: Transport) -> None:
    done = transport.run(["sh", "-c", "cat; echo err >&2; exit 7"], stdin=b"in")
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"in", b"err\n")


def test_run_hands_over_each_argument_as_it_is(transport: Transport) -> None:
    arguments = ["a b", "$HOME", "`id`", "'", '"', "*", "", "-n", "two\nlines", "\\", "ü"]
    done = transport.run(["printf", "%s\\0", *arguments])
    assert done.stdout == b"\0".join(a.encode() for a in arguments) + b"\0"


def test_run_starts_in_the_home_folder(transport: Transport, home: Path) -> None:
    assert transport.run(["pwd", "-P"]).text == str(home.resolve())


def test_run_tells_the_signal_that_ended_a_command(transport: Transport) -> None:
    assert transport.run(["sh", "-c", "kill -9 $$"]).exit_code == 137


def test_run_with_much_on_every_stream(transport: Transport) -> None:
    done = transport.run(
        ["sh", "-c", "head -c 3000000 /dev/zero >&2; tee /dev/null"], stdin=bytes(3_000_000)
    )
    assert (done.exit_code, len(done.stdout)) == (0, 3_000_000)
    assert done.stderr.strip(b"\0") == b""


def test_run_refuses_an_endless_answer(transport: Transport) -> None:
    with pytest.raises(ProtocolError, match="answered more than"):
        transport.run(["cat", "/dev/zero"])


def test_channel_is_talked_to_line_by_line(transport: Transport) -> None:
    with transport.start(["cat"]) as channel:
        for line in (b"first\n", b"\n", b"x" * 100_000 + b"\n"):
            channel.send(line)
            assert channel.read_line(20.0) == line
        channel.send(b"no newline")
        channel.end_input()
        assert channel.read_line(20.0) == b"no newline"
        assert channel.read_line(20.0) is None
    assert channel.close().exit_code == 0
