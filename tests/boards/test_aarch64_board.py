"""The emulated aarch64 board is what the tests that use it take it for."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

import needs
from boards import root_file_system
from boards.aarch64 import Aarch64Board

FORMATS = Path("/proc/sys/fs/binfmt_misc")


def on_board(board: Aarch64Board, command: str, user: str = "pi") -> str:
    """What a command prints on the board, run through OpenSSH's client."""
    known = board.folder / "known_hosts"
    known.write_text(f"[{board.host}]:{board.port} {board.host_key}\n")
    options = ["-F", "none", "-i", str(board.key), "-p", str(board.port)]
    options += ["-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes"]
    done = subprocess.run(
        ["ssh", *options, f"{user}@{board.host}", command],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip()


def processes_of(board: Aarch64Board) -> list[int]:
    """Processes on this machine whose root or arguments are the board's."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            named = (folder / "cmdline").read_bytes() + bytes((folder / "root").readlink())
        except OSError:
            continue
        if str(board.folder).encode() in named:
            found.append(int(folder.name))
    return found


def test_the_board_is_aarch64_with_a_python_of_its_own(aarch64_board: Aarch64Board) -> None:
    assert on_board(aarch64_board, "uname -m") == "aarch64"
    script = "import platform, sys; print(platform.machine(), *sys.version_info[:2])"
    assert on_board(aarch64_board, f"python3 -c '{script}'") == "aarch64 3 11"


def test_the_board_shows_its_targets_own_sys_and_commands(aarch64_board: Aarch64Board) -> None:
    shown = on_board(
        aarch64_board,
        "cat /sys/firmware/devicetree/base/model; grep -c 'CPU part.*0xd08' /proc/cpuinfo; "
        "cat /sys/class/thermal/thermal_zone0/temp; vcgencmd get_throttled",
    )
    model, cores, temperature, throttled = shown.replace("\0", "\n").split("\n")
    assert (model, cores) == ("Raspberry Pi 4 Model B Rev 1.4", "4")
    assert (temperature, throttled) == ("48312", "throttled=0x0")


def test_user_and_root_may_log_in_and_are_who_they_say(aarch64_board: Aarch64Board) -> None:
    assert on_board(aarch64_board, "id -un; id -u").split() == ["pi", "1000"]
    assert on_board(aarch64_board, "id -un; id -u", user="root").split() == ["root", "0"]


def test_a_reboot_ends_every_process_keeps_the_disk_and_changes_boot_id(
    aarch64_board: Aarch64Board,
) -> None:
    read_boot_id = "cat /proc/sys/kernel/random/boot_id"
    before = on_board(aarch64_board, read_boot_id)
    start = "nohup setsid sleep 600 >/dev/null 2>&1 </dev/null & echo kept > kept; echo $! > /tmp/p"
    on_board(aarch64_board, start)
    assert "sleep" in on_board(aarch64_board, "ps -eo args")
    aarch64_board.reboot()
    assert on_board(aarch64_board, read_boot_id) == aarch64_board.boot_id != before
    assert "sleep" not in on_board(aarch64_board, "ps -eo args")
    assert on_board(aarch64_board, "cat kept; ls /tmp") == "kept"


def test_the_board_leaves_no_process_mount_or_binary_format_behind(tmp_path: Path) -> None:
    needs.require_aarch64_board()
    formats = sorted(FORMATS.iterdir())
    with Aarch64Board(tmp_path) as board:
        assert processes_of(board)
    assert processes_of(board) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert sorted(FORMATS.iterdir()) == formats


def test_the_board_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    needs.require_aarch64_board()
    script = (
        "import sys, time; from pathlib import Path; from boards.aarch64 import Aarch64Board\n"
        f"with Aarch64Board(Path({str(tmp_path)!r})): print('up', flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        ["python3", "-c", script], stdout=subprocess.PIPE, env=environment
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        owner.kill()
    board = Aarch64Board(tmp_path)
    deadline = time.monotonic() + 60
    while processes_of(board) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(board) == []


def test_two_builders_make_one_root_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGETOOL_TEST_CACHE", str(tmp_path))
    built: list[Path] = []

    def unpack(root: Path) -> None:
        built.append(root)
        time.sleep(0.1)
        (root / "etc").mkdir(parents=True)

    monkeypatch.setattr(root_file_system, "_unpack", unpack)
    for later in ("_finish", "_compile_standard_library"):
        monkeypatch.setattr(root_file_system, later, lambda root: None)
    builders = [threading.Thread(target=root_file_system.cached_root_file_system) for _ in range(4)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert len(built) == 1
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [
        root_file_system.cached_root_file_system().name
    ]


def test_a_build_that_fails_leaves_no_half_of_a_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGETOOL_TEST_CACHE", str(tmp_path))

    def unpack(root: Path) -> None:
        (root / "etc").mkdir(parents=True)
        raise RuntimeError("no more space")

    monkeypatch.setattr(root_file_system, "_unpack", unpack)
    with pytest.raises(RuntimeError, match="no more space"):
        root_file_system.cached_root_file_system()
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
