"""Command lines for trtexec are right by NVIDIA's sources and documentation, version by version.

[8.2]  NVIDIA/TensorRT 0a4ed147, samples/common/sampleOptions.cpp: --workspace, --buildOnly,
       --separateProfileRun, one --percentile; include/NvInferVersion.h of 8.2 in JetPack 4.6.
[8→10] NVIDIA, "Appendix: Migrating trtexec Usage from TensorRT 8.x to 10.x" (docs 11.0.0).
[10→11] NVIDIA, "Migrating trtexec Usage from TensorRT 10.x to 11.x" (docs 11.0.0).
[11]   NVIDIA/TensorRT d5883286 (VERSION 11.1.0.106), samples/common/sampleOptions.cpp,
       InferenceOptions::parse.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from boards.trees import install_trtexec
from edgetool.errors import DeviceError, ProtocolError
from edgetool.runtimes.tensorrt.flags import (
    PRECISIONS,
    TRTEXEC,
    Timing,
    build_command,
    build_flags,
    infer_command,
    time_command,
)
from edgetool.runtimes.tensorrt.gpus import GPUS, check_precision
from edgetool.runtimes.tensorrt.versions import TensorRtVersion, parse_version

GENERATIONS = {
    "8.2.1": "5.3",
    "8.5.2": "7.2",
    "10.3.0": "8.7",
    "11.1.0": "8.7",
}


def commands(version: str, precision: str = "float16") -> dict[str, list[str]]:
    """Build, time and infer as a job asks for them, without the program's path."""
    of = parse_version(version)
    flags = build_flags(of, precision)
    built = build_command(of, flags, onnx="m.onnx", engine="m.plan", timing_cache="t.cache")
    timed = time_command(of, Timing(), engine="m.plan", times="t.json", layers="l.json")
    inferred = infer_command(of, engine="m.plan", outputs="o.json", inputs={"input": "i.bin"})
    assert {built[0], timed[0], inferred[0]} == {TRTEXEC}
    return {"build": built[1:], "time": timed[1:], "infer": inferred[1:]}


FILES = ["--onnx=m.onnx", "--saveEngine=m.plan", "--timingCacheFile=t.cache"]
TIMED = ["--loadEngine=m.plan", "--exportTimes=t.json", "--warmUp=1000", "--iterations=100"]
TIMED += ["--duration=3"]


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("8.2.1", ["--fp16", "--noTF32", "--workspace=256", "--buildOnly"]),  # [8.2]
        ("8.5.2", ["--fp16", "--noTF32", "--memPoolSize=workspace:256", "--buildOnly"]),  # [8→10]
        # [8→10]: --workspace and --buildOnly are removed in 10.
        (
            "10.3.0",
            ["--stronglyTyped", "--noTF32", "--memPoolSize=workspace:256", "--skipInference"],
        ),
        # [10→11]: precision flags are removed, strong typing is always on.
        ("11.1.0", ["--noTF32", "--memPoolSize=workspace:256", "--skipInference"]),
    ],
)
def test_an_engine_is_built_as_its_version_is_told_to(version: str, wanted: list[str]) -> None:
    assert commands(version)["build"] == [*FILES, *wanted]


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("8.2.1", ["--useSpinWait", "--exportProfile=l.json", "--separateProfileRun"]),
        ("8.5.2", ["--useSpinWait", "--exportProfile=l.json", "--separateProfileRun"]),
        ("10.3.0", ["--useSpinWait", "--exportProfile=l.json", "--separateProfileRun"]),
        # [11]: copies are off and graphs, spinning and a separate profile run are on by default.
        ("11.1.0", ["--includeDataTransfers", "--noCudaGraph", "--exportProfile=l.json"]),
    ],
)
def test_timing_is_pinned_to_the_same_thing_in_every_version(
    version: str, wanted: list[str]
) -> None:
    assert commands(version)["time"] == [*TIMED, *wanted]


def test_precision_flags_follow_the_version_and_never_say_best() -> None:
    spelled = {
        (version, precision): build_flags(parse_version(version), precision)[0]
        for version in GENERATIONS
        for precision in PRECISIONS
    }
    assert spelled[("8.2.1", "int8")] == spelled[("8.5.2", "int8")] == "--int8"
    assert {spelled[("10.3.0", precision)] for precision in PRECISIONS} == {"--stronglyTyped"}
    assert {spelled[("11.1.0", precision)] for precision in PRECISIONS} == {"--noTF32"}
    assert "--best" not in spelled.values()


@pytest.mark.parametrize("precision", ["int8", "int16x8", "w4a8"])
def test_no_int8_is_ever_sent_to_a_nano(precision: str) -> None:
    with pytest.raises(DeviceError, match=r"5\.3 \(Jetson Nano"):
        check_precision(precision, "5.3")
    with pytest.raises(DeviceError, match="no int8 on this GPU"):
        check_precision("int8", None)


@pytest.mark.parametrize(
    ("version", "precision"),
    [(v, p) for v, sm in GENERATIONS.items() for p in PRECISIONS if p in GPUS[sm].precisions],
)
def test_the_trtexec_of_a_version_takes_what_is_spelled_for_it(
    version: str, precision: str, tmp_path: Path
) -> None:
    assert [ended for ended, _ in run_all(tmp_path, version, version, precision)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("asked", "installed", "unknown"),
    [
        ("8.2.1", "10.3.0", "--workspace"),
        ("8.5.2", "10.3.0", "--buildOnly"),
        ("8.5.2", "8.2.1", "--memPoolSize"),
        ("10.3.0", "8.5.2", "--stronglyTyped"),
        ("8.5.2", "11.1.0", "--fp16"),
        ("11.1.0", "10.3.0", "--includeDataTransfers"),
    ],
)
def test_another_versions_flags_are_refused_by_name(
    asked: str, installed: str, unknown: str, tmp_path: Path
) -> None:
    said = "".join(text for _, text in run_all(tmp_path, asked, installed, "float16"))
    assert f"[E] Unknown option: {unknown}" in said


def run_all(folder: Path, asked: str, installed: str, precision: str) -> list[tuple[int, str]]:
    """Exit code and output of build, time and infer spelled for one version, on another."""
    program = folder / "trtexec"
    version = parse_version(installed)
    numbers = (version.major, version.minor, version.patch)
    install_trtexec(program, numbers, GENERATIONS[installed], GENERATIONS[installed] != "5.3")
    (folder / "m.onnx").write_bytes(b"model")
    (folder / "i.bin").write_bytes(bytes(256))
    ended = []
    for arguments in commands(asked, precision).values():
        done = subprocess.run(
            [sys.executable, str(program), *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        ended.append((done.returncode, done.stdout))
    return ended


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v8201] # trtexec", (8, 2, 1)),
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v8502] # trtexec", (8, 5, 2)),
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v100300] [b12] # trtexec", (10, 3, 0)),
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v110100] [b106] # trtexec", (11, 1, 0)),
        ("/usr/lib/aarch64-linux-gnu/libnvinfer.so.8.2.1", (8, 2, 1)),
        ("8.5.2-1+cuda11.4", (8, 5, 2)),
        ("10.3.0.30-1+cuda12.5", (10, 3, 0)),
        ("10.3", (10, 3, 0)),
    ],
)
def test_a_version_is_read_from_whatever_names_it(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == TensorRtVersion(*version)


@pytest.mark.parametrize("text", ["", "TensorRT", "libnvinfer.so.8", "0.0.1", "1234567.1.2", "8,2"])
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="no TensorRT version"):
        parse_version(text)


def test_a_tensorrt_before_8_2_is_refused_with_what_to_install() -> None:
    with pytest.raises(DeviceError, match=r"TensorRT 7\.1\.3 is too old"):
        build_flags(parse_version("7.1.3"), "float16")


@pytest.mark.parametrize("name", ["a,b", "a'b", 'a"b'])
def test_an_input_whose_name_would_break_the_list_is_refused(name: str) -> None:
    with pytest.raises(DeviceError, match="cannot be given input"):
        infer_command(parse_version("10.3.0"), engine="e", outputs="o", inputs={name: "i.bin"})
