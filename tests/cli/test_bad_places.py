"""Outputs that are in the way, disks that are full, artifacts that are damaged, signals."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from refused_commands import assert_refused, refused

from command_line import CALIBRATION, MODEL, ROOT, contents, edgetool, nothing_changes, succeed

CALIBRATED = ("compile", MODEL, "--target", "cortex-m4", "--calibrate", CALIBRATION)
SOURCES = (*CALIBRATED, "--compiler", "none")
PATIENCE_S = 60


# --- the output is in the way ---------------------------------------------------------------------


def test_an_output_that_is_there_is_kept_without_force(copied: Path, here: Path) -> None:
    refused(here, (*SOURCES, "--output", "copied"), 2, "output 'copied' already exists", "--force")


def test_force_replaces_an_artifact_and_its_results(copied: Path, here: Path) -> None:
    (copied / "verify.json").write_text("{}")
    succeed(*SOURCES, "--output", "copied", "--force")
    assert (copied / "manifest.json").is_file()
    assert not (copied / "verify.json").exists()
    assert [path.name for path in here.iterdir()] == ["copied"]


def test_force_does_not_remove_what_is_no_artifact(here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "thesis.txt").write_text("years of work")
    (here / "file").write_text("important")
    for output in ("mine", "file"):
        arguments = (*SOURCES, "--output", output, "--force")
        refused(here, arguments, 2, f"'{output}' is not an artifact", "another --output")


def test_an_output_below_a_file_is_refused(here: Path) -> None:
    (here / "file").write_text("important")
    arguments = (*SOURCES, "--output", "file/below/it")
    refused(here, arguments, 2, "output 'file/below/it' cannot be made: '.*/file' is a file")


def test_an_old_artifact_stays_whole_when_the_new_one_fails(
    copied: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.compilation.steps.golden_samples", lambda *_: 1 / 0)
    with nothing_changes(copied):
        assert edgetool(*SOURCES, "--output", "copied", "--force").code == 70
    assert [path.name for path in here.iterdir()] == ["copied"]


# --- no permission, no space ----------------------------------------------------------------------


def mounted(folder: Path, options: str) -> None:
    """A small file system of its own in a folder; skips where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "edgetool-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here: run the tests as root")


@pytest.fixture
def read_only(here: Path) -> Iterator[Path]:
    """A folder that this process may not write to; root may write to all but a mount."""
    folder = here / "read-only"
    if os.geteuid() == 0:
        mounted(folder, "ro")
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.mkdir(mode=0o555)
        yield folder


def test_a_folder_without_permission_is_refused_before_any_work(
    read_only: Path, here: Path
) -> None:
    message = "output 'read-only/digits' cannot be made: no permission to write to"
    refused(here, (*SOURCES, "--output", "read-only/digits"), 2, message, "--output FOLDER")


def raise_no_space(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "golden.npz")


@pytest.mark.parametrize("step", ["dump_program", "compile_c", "golden_samples", "Manifest"])
def test_a_full_disk_leaves_nothing_whichever_file_it_hits(
    step: str, here: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"edgetool.compilation.steps.{step}", raise_no_space)
    with nothing_changes(here, scratch):
        finished = edgetool(*SOURCES, "--output", "new/folders/digits")
    assert_refused(finished, 2, "no space left for 'golden.npz'", "--output on another disk")


def heed_ctrl_c() -> None:
    """A shell starts what it runs in the background deaf to SIGINT, tests included."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def in_a_process(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """`edgetool` in a process of its own, and a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "toolchain")}
    return subprocess.Popen(
        [sys.executable, "-m", "edgetool", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def limit_files() -> None:
    """No file may grow beyond 20 kB; the digits' model.onnx does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_file_that_may_not_grow_is_no_space_and_leaves_nothing(here: Path) -> None:
    with nothing_changes(here):
        process = in_a_process(*SOURCES, "--output", "new/digits", preexec_fn=limit_files)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("error: no space left for "), err


def test_a_disk_that_is_really_full_leaves_nothing(here: Path) -> None:
    disk = here / "disk"
    mounted(disk, "size=48k")
    try:
        finished = edgetool(*SOURCES, "--output", "disk/digits")
        left = contents(disk)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert_refused(finished, 2, "no space left for ", "No space left on device")
    assert left == {}


# --- tools that are missing -----------------------------------------------------------------------


def test_without_clang_it_says_what_to_install(
    here: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ziglang", None)
    monkeypatch.setenv("PATH", "")
    with nothing_changes(scratch):
        message = "no clang for microcontrollers"
        refused(here, CALIBRATED, 2, message, "pip install 'edgetool", "--compiler gcc")


def test_without_gcc_it_says_what_to_install(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    message = "no arm-none-eabi-gcc for cortex-m4"
    arguments = (*CALIBRATED, "--compiler", "gcc")
    refused(here, arguments, 2, message, "apt install gcc-arm-none-eabi")


@pytest.mark.parametrize("verb", ["verify", "profile"])
@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (("--compiler", "gcc"), "no arm-none-eabi-gcc", "apt install"),
        (("--compiler", "icc"), "compiler 'icc' is not known", "clang, gcc"),
        (("--emulator", "bochs"), "emulator 'bochs' does not run cortex-m4", "unicorn, qemu"),
    ],
)
def test_a_tool_that_was_asked_for_is_not_left_out_in_silence(
    verb: str,
    options: tuple[str, str],
    message: str,
    hint: str,
    copied: Path,
    here: Path,
    clang: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    refused(here, (verb, "copied", *options), 2, message, hint)


def test_a_tool_that_was_not_asked_for_is_left_out_with_a_note(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ziglang", None)
    monkeypatch.setenv("PATH", "")
    finished = succeed("verify", copied, "--json")
    assert "ziglang" in finished.json["skipped"]["emulator"]
    assert "cortex_m" not in [runtime["name"] for runtime in finished.json["runtimes"]]


# --- artifacts ------------------------------------------------------------------------------------

VERBS = pytest.mark.parametrize("verb", ["verify", "profile", "compare"])


@VERBS
@pytest.mark.parametrize(
    ("folder", "message", "hint"),
    [
        ("nowhere", "artifact 'nowhere' not found", "edgetool compile"),
        ("empty", "'empty' is not an artifact: it has no manifest.json", "edgetool compile"),
        ("file.onnx", "'file.onnx' is a file, not an artifact", "edgetool compile file.onnx"),
    ],
)
def test_what_is_no_artifact_is_refused(
    verb: str, folder: str, message: str, hint: str, here: Path
) -> None:
    (here / "empty").mkdir()
    (here / "file.onnx").write_bytes(MODEL.read_bytes())
    refused(here, (verb, folder), 2, message, hint)


MANIFEST_DAMAGE = [
    ('"schema_version": 1', '"schema_version": 99', "has schema version 99"),
    ('"target": {', '"target": [], "was": {', "is damaged: 'target' is no object"),
    ('"precision": "int8"', '"precision": 8', "is damaged: 'precision' is no text"),
    ('"files": {', '"files": [], "was": {', "is damaged: 'files' is no object"),
    ('"macs": {', '"macs": 3, "was": {', "is damaged: "),
    ('"inputs": [', '"inputs": [3], "was": [', "is damaged: "),
    ('"name": "cortex-m4"', '"name": null', "is damaged: 'name' of 'target' is no text"),
    ('"golden.npz": "', '"../golden.npz": "', "is damaged: it names a file outside"),
    ('"edgetool": "', '"edgetool": ', "is damaged: "),
]


@VERBS
@pytest.mark.parametrize(("old", "new", "message"), MANIFEST_DAMAGE)
def test_a_damaged_manifest_is_refused(
    verb: str, old: str, new: str, message: str, copied: Path, here: Path
) -> None:
    manifest = copied / "manifest.json"
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new, 1))
    refused(here, (verb, "copied"), 2, f"'copied/manifest.json' {message}", "compile the model")


@VERBS
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{}", b"null", b"[" * 100_000])
def test_a_manifest_that_is_none_is_refused(
    verb: str, content: bytes, copied: Path, here: Path
) -> None:
    (copied / "manifest.json").write_bytes(content)
    refused(here, (verb, "copied"), 2, "'copied/manifest.json' is damaged: ", "compile the model")


@VERBS
@pytest.mark.parametrize("file", ["model.tflite", "c/src/model.c", "program.npz", "target.json"])
def test_a_file_that_was_changed_or_removed_is_named(
    verb: str, file: str, copied: Path, here: Path
) -> None:
    (copied / file).write_bytes((copied / file).read_bytes() + b"\n")
    refused(here, (verb, "copied"), 2, f"'copied/{file}' was changed", "compile the model again")
    (copied / file).unlink()
    refused(here, (verb, "copied"), 2, f"artifact 'copied' lacks its file '{file}'", "compile")


@pytest.mark.parametrize("result", ["verify.json", "profile.json"])
def test_a_damaged_result_is_named(result: str, copied: Path, here: Path) -> None:
    (copied / result).write_text('{"artifact_')
    verb = result.removesuffix(".json")
    message = f"'copied/{result}' is damaged"
    refused(here, ("compare", "copied"), 2, message, f"edgetool {verb} copied")


def test_results_of_an_artifact_that_has_changed_since_are_not_compared(copied: Path) -> None:
    (copied / "verify.json").write_text('{"holds": true, "artifact_sha256": "0"}')
    assert "verified" not in succeed("compare", copied, "--json").json["artifacts"][0]


def test_a_criterion_that_is_not_known_lists_those_that_are(copied: Path, here: Path) -> None:
    refused(here, ("compare", "copied", "--by", "speed"), 2, "--by speed is not known", "latency")


def test_a_metric_for_golden_inputs_is_refused(copied: Path, here: Path) -> None:
    refused(here, ("verify", "copied", "--metric", "top1"), 2, "--metric top1 has no", "--samples")


def test_a_result_that_cannot_be_kept_is_printed_all_the_same(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.artifact._write_aside", raise_no_space)
    finished = succeed("verify", copied, "--json")
    assert finished.json["holds"] is True
    assert "note: verify.json is not kept in " in finished.err


# --- signals --------------------------------------------------------------------------------------


def wait_for_the_compiler(process: subprocess.Popen[str], here: Path, scratch: Path) -> None:
    """Until the artifact is half-written and the compiler's folder is there."""
    end = time.monotonic() + PATIENCE_S
    while not (any(here.glob("build/.*")) and any(scratch.glob("edgetool-*/*.o"))):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no compiler was started"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("sent", "to_all", "code"),
    [(signal.SIGINT, True, 130), (signal.SIGINT, False, 130), (signal.SIGTERM, False, 143)],
    ids=["Ctrl-C", "SIGINT to edgetool alone", "SIGTERM"],
)
def test_a_compile_that_is_interrupted_leaves_nothing(
    sent: signal.Signals, to_all: bool, code: int, here: Path, scratch: Path, clang: None
) -> None:
    with nothing_changes(here, scratch):
        process = in_a_process(*CALIBRATED, preexec_fn=heed_ctrl_c)
        wait_for_the_compiler(process, here, scratch)
        (os.killpg if to_all else os.kill)(process.pid, sent)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (code, ""), err
    assert "Traceback" not in err
