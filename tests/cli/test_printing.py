"""What people see: results on stdout, everything else on stderr, readable at 100 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from command_line import CALIBRATION, EVALUATION, MODEL, ROOT, edgetool, succeed
from edgetool.cli.printing import print_figures
from edgetool.figures import Figure

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
VERBS = ["compile", "verify", "profile", "compare", "inspect", "targets", "models", "doctor"]
COLUMNS = 100


def on_a_terminal(*arguments: object) -> list[str]:
    """The lines of stdout of `edgetool` on a terminal of COLUMNS columns, without colours."""
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "toolchain"), "TERM": "xterm"}
    environment.pop("COLUMNS", None)
    command = [sys.executable, "-m", "edgetool", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=subprocess.DEVNULL, env=environment
    )
    os.close(follower)
    output = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux's way to say that the other side has closed
            break
        output += piece
        if not piece:
            break
    os.close(leader)
    assert process.wait() == 0
    return [line.rstrip() for line in ESCAPES.sub("", output.decode()).splitlines()]


# --- help -----------------------------------------------------------------------------------------


def test_edgetool_alone_prints_its_help_and_is_a_usage_error() -> None:
    alone, asked = edgetool(), edgetool("--help")
    assert (alone.code, asked.code) == (2, 0)
    assert alone.out == ""
    assert alone.err.strip() == asked.out.strip()
    for verb in VERBS:
        # "..." at the end would be a summary cut short.
        assert re.search(rf"^  {verb} +\S.*\w\.$", asked.out, re.MULTILINE), verb


@pytest.mark.parametrize("verb", [*VERBS, "targets show", "models get"])
def test_help_says_what_each_option_takes_and_fits_the_terminal(verb: str) -> None:
    text = succeed(*verb.split(), "--help").out
    assert text.startswith(f"Usage: edgetool {verb}")
    assert "--json" in text
    assert max(map(len, text.splitlines())) <= COLUMNS


def test_compile_without_arguments_says_what_is_missing_and_where_help_is() -> None:
    finished = edgetool("compile")
    assert finished.code == 2
    lines = finished.err.splitlines()
    assert lines == ["error: missing argument 'MODEL'", "  try: edgetool compile --help"]


# --- figures --------------------------------------------------------------------------------------


def test_figures_stand_in_columns_and_share_their_footnotes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_figures(
        {
            "cycles": Figure(1234567, "1", "estimated", "a manual " * 8),
            "a_rather_long_name_bytes": Figure(12, "B", "computed"),
            "stack": Figure(0.0025, "s", "emulated", "an emulator"),
            "again": Figure(3, "1", "emulated", "an emulator"),
        }
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "  cycles                    1,234,567  estimated [1]",
        "  a_rather_long_name_bytes       12 B  computed",
        "  stack                        2.5 ms  emulated [2]",
        "  again                             3  emulated [2]",
    ]
    notes = lines[4:]
    assert [line[:6] for line in notes] == ["  [1] ", "      ", "      ", "  [2] "]
    assert max(map(len, notes)) <= 40


def test_results_go_to_stdout_and_the_story_to_stderr(here: Path) -> None:
    finished = succeed("compile", MODEL, "--target", "raspberry-pi-pico", "--calibrate",
                       CALIBRATION, "--compiler", "none")  # fmt: skip
    assert finished.out.startswith("model.onnx for raspberry-pi-pico, int8, int8 in and out\n")
    assert finished.out.endswith("wrote build/model-raspberry-pi-pico\n")
    assert "fold_batchnorm: conv_stem_norm" in finished.err
    assert "note: " in finished.err
    assert "note: " not in finished.out


def test_a_reader_that_goes_away_is_no_error() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "toolchain")}
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetool", "targets"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    message = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), message) == (0, b"")


# --- tables ---------------------------------------------------------------------------------------


def test_a_wide_comparison_goes_on_below_instead_of_being_cut(
    sources_only: Path, for_linux: Path, emulator: None
) -> None:
    succeed("profile", sources_only)
    succeed("profile", for_linux)
    lines = on_a_terminal("compare", sources_only, for_linux)
    assert max(map(len, lines)) <= COLUMNS
    text = "\n".join(lines)
    assert "…" not in text
    assert text.count("artifact ") == 2
    for heading in ("accuracy", "parameters", "instructions", "latency here"):
        assert heading in text
    piped = succeed("compare", sources_only, for_linux).out
    assert piped.count("artifact ") == 1


def test_names_of_targets_are_never_cut() -> None:
    lines = on_a_terminal("targets")
    assert max(map(len, lines)) <= COLUMNS
    shown = {line.split()[0] for line in lines if line and line[0] != " "}
    assert {"arduino-nano-33-ble", "raspberry-pi-zero-2w", "jetson-xavier-nx"} <= shown


def test_two_folders_of_one_name_are_told_apart(
    sources_only: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for parent in ("a", "b"):
        (here / parent).mkdir()
        (here / parent / "digits").symlink_to(sources_only)
    out = succeed("compare", "a/digits", "b/digits").out
    assert "a/digits" in out
    assert "b/digits" in out


def test_evaluation_is_printed_with_the_sizes(here: Path) -> None:
    finished = succeed("compile", MODEL, "--target", "host", "--evaluate", EVALUATION)
    assert re.search(r"^  top1 +(1|0\.9\d*) +computed \[\d\]$", finished.out, re.MULTILINE)
