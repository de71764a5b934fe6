"""A journal keeps what was written, whatever a disk or a clock does."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

AGENT = Path(__file__).parents[2] / "targets" / "linux" / "agent"


@pytest.fixture
def journals(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module journal, as the agent on the device imports it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(AGENT))
    import journal

    yield journal
    for name in set(sys.modules) - before:
        if str(AGENT) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def read(journals: ModuleType, folder: Path, first: int = 0) -> list[tuple[int, object]]:
    lines = journals.Reader(str(folder), first).lines()
    return [(index, None if text is None else json.loads(text)) for index, text in lines]


def test_line_that_a_full_disk_cut_off_damages_no_other(
    journals: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journals.Journal(str(tmp_path))
    journal("sample", value=1)
    whole_write, room = os.write, 10

    def write_to_a_full_disk(handle: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = whole_write(handle, data[:room])
        room -= written
        return written

    monkeypatch.setattr(os, "write", write_to_a_full_disk)
    with pytest.raises(OSError, match="No space"):
        journal("sample", value=2)
    with pytest.raises(OSError, match="No space"):
        journal("sample", value=3)
    monkeypatch.setattr(os, "write", whole_write)
    journal("sample", value=4)
    journal("sample", value=5)
    values = [line and line["value"] for _, line in read(journals, tmp_path)]  # type: ignore[index]
    assert values == [1, None, 4, 5]


def test_line_that_another_process_left_half_damages_no_other(
    journals: ModuleType, tmp_path: Path
) -> None:
    journals.Journal(str(tmp_path))("sample", value=1)
    with (tmp_path / journals.FILE).open("ab") as stream:
        stream.write(b'{"samples":[74],"t":106')
    journals.Journal(str(tmp_path))("error", value=2)
    values = [line and line["value"] for _, line in read(journals, tmp_path)]  # type: ignore[index]
    assert values == [1, None, 2]


def test_reader_takes_a_journal_up_anywhere_and_while_it_grows(
    journals: ModuleType, tmp_path: Path
) -> None:
    journal = journals.Journal(str(tmp_path))
    reader = journals.Reader(str(tmp_path), 1)
    seen = []
    for value in range(5):
        journal("sample", value=value)
        seen += [(index, json.loads(text)["value"]) for index, text in reader.lines(7)]
        while reader.more():
            seen += [(index, json.loads(text)["value"]) for index, text in reader.lines(7)]
    assert seen == [(index, index) for index in range(1, 5)]


def test_samples_come_in_order_in_few_lines(journals: ModuleType, tmp_path: Path) -> None:
    samples = journals.Samples(journals.Journal(str(tmp_path)), 3600, name="inference")
    for value in range(1000):
        samples.add(value)
    samples.flush()
    samples.flush()
    ((_, line),) = read(journals, tmp_path)
    assert isinstance(line, dict)
    assert (line["samples"], line["name"]) == (list(range(1000)), "inference")


def test_numbers_that_json_lacks_and_lines_that_are_too_long_are_refused(
    journals: ModuleType, tmp_path: Path
) -> None:
    journal = journals.Journal(str(tmp_path))
    with pytest.raises(ValueError, match="JSON"):
        journal("sample", value=float("nan"))
    with pytest.raises(ValueError, match="too long"):
        journal("sample", value="x" * (1 << 18))
    assert read(journals, tmp_path) == []


def test_clock_that_is_set_during_a_run_is_reported_and_no_duration_depends_on_it(
    journals: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    import supervisor

    run = tmp_path / "runs/r"
    run.mkdir(parents=True)
    (run / "job.json").write_text("{}")
    watched = supervisor.Supervisor(str(tmp_path), "r")
    watched.begin()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600.0)
    watched.end("done", {}, None)
    state = json.loads((run / "state.json").read_text())
    assert state["clock_jump_s"] == pytest.approx(-3600.0, abs=5.0)
    times = [line["t"] for _, line in read(journals, run)]  # type: ignore[index]
    assert times == sorted(times)


def test_interrupted_write_of_a_state_leaves_the_old_one(
    journals: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import files

    path = tmp_path / "state.json"
    files.write_json(str(path), {"state": "running"})

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(str(path), {"state": "done"})
    assert json.loads(path.read_text()) == {"state": "running"}
    assert list(tmp_path.iterdir()) == [path]
