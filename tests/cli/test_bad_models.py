"""Models that cannot be read, compiled or held: refused before any compiler runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnx
import pytest
from refused_commands import refused

from command_line import CALIBRATION, MODEL, succeed
from network_writer import NetworkWriter

CONFUSING = np.random.default_rng(7).bytes(2000)


@pytest.fixture
def no_compilers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without compilers, where starting any program fails the test."""

    def start(*arguments: Any, **_: Any) -> NoReturn:
        pytest.fail(f"a program was started: {arguments}")

    monkeypatch.setitem(sys.modules, "ziglang", None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(subprocess, "Popen", start)


def write_network(
    path: Path, shape: Sequence[int | str], operator: str = "Relu", size: int = 8
) -> None:
    """A convolution and one other layer, called odd_layer, 3 to `size` channels."""
    net = NetworkWriter(seed=3)
    y = net.node(operator, "odd_layer", [net.conv("first_conv", "image", (3, size), pad=1)])
    onnx.save(net.model("net", ("image", shape), {y: [shape[0], size, *shape[2:]]}), path)


def write_board(folder: Path, ram_bytes: int, flash_bytes: int) -> str:
    """A user's own board; what --target takes."""
    folder.mkdir(exist_ok=True)
    (folder / "target.toml").write_text(
        'inherits = "cortex-m4"\ndescription = "a small board"\nclock_hz = 16_000_000\n'
        f"ram_bytes = {ram_bytes}\nflash_bytes = {flash_bytes}\n"
        '[facts]\nram_bytes = "its maker"\nflash_bytes = "its maker"\nclock_hz = "its maker"\n'
    )
    return f"./{folder.name}"


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [("compile", "--target", "cortex-m4"), ("inspect",)])
@pytest.mark.parametrize(
    ("name", "content", "code", "message", "hint"),
    [
        ("empty.onnx", b"", 3, "'empty.onnx' is empty", "export or download it again"),
        ("empty.tflite", b"", 3, "'empty.tflite' is empty", "export or download it again"),
        ("noise.onnx", CONFUSING, 3, "noise.onnx: not an ONNX model", "again"),
        ("cut.onnx", MODEL.read_bytes()[:9000], 3, "cut.onnx: not an ONNX model", "again"),
        (
            "noise.tflite",
            b"\x1c\0\0\0TFL3" + CONFUSING,
            3,
            "noise.tflite: corrupt TFLite file",
            "download the file again",
        ),
        ("net.pt", b"PK\3\4", 3, "'net.pt' is of no known model format", "torch.onnx.export"),
        ("net.h5", b"\x89HDF", 3, "'net.h5' is of no known model format", "TFLiteConverter"),
        ("net.xyz", b"what?", 3, "'net.xyz' is of no known model format", ".onnx or .tflite"),
        ("missing.onnx", None, 2, "model 'missing.onnx' not found", ".onnx or .tflite"),
        (".", None, 2, r"model '\.' is a folder", ".onnx or .tflite"),
    ],
)
def test_a_file_that_is_no_model_is_refused(
    verb: tuple[str, ...],
    name: str,
    content: bytes | None,
    code: int,
    message: str,
    hint: str,
    here: Path,
) -> None:
    if content is not None:
        (here / name).write_bytes(content)
    refused(here, (verb[0], name, *verb[1:]), code, message, hint)


def test_inspecting_an_artifact_points_to_the_model_in_it(copied: Path, here: Path) -> None:
    refused(here, ("inspect", "copied"), 2, "model 'copied' is a folder", "copied/model.onnx")


# --- shapes ---------------------------------------------------------------------------------------


FLOAT = ("--target", "cortex-m4", "--precision", "float32", "--compiler", "none")


@pytest.mark.parametrize(
    ("shape", "options", "code", "message", "hint"),
    [
        (["N", 3, "H", "W"], (), 3, r"input 'image' has no fixed size in dimension 2", "--shape"),
        (["N", 3, 8, "W"], (), 3, r"input 'image' has no fixed size in dimension 3", "--shape"),
        (
            ["N", 3, "H", "W"],
            ("--shape", "image=1,4,8,8"),
            3,
            "--shape: 1x4x8x8 does not fit input 'image', which is Nx3xHxW",
            "image=1,3,224,224",
        ),
        (
            ["N", 3, "H", "W"],
            ("--shape", "image=3,8,8"),
            3,
            "--shape: 3x8x8 does not fit input 'image'",
            "image=1,3,224,224",
        ),
        (
            ["N", 3, "H", "W"],
            ("--shape", "picture=1,3,8,8"),
            2,
            "--shape: the model has no input 'picture'",
            "it has: image",
        ),
        (
            ["N", 3, "H", "W"],
            ("--shape", "image=2,3,8,8"),
            3,
            "input 'image' is 2x3x8x8, a batch of 2",
            "--shape image=1,3,8,8",
        ),
        ([4, 3, 8, 8], (), 3, "input 'image' is 4x3x8x8, a batch of 4", "--shape image=1,3,8,8"),
    ],
)
def test_a_shape_that_is_not_fixed_is_asked_for(
    shape: list[int | str],
    options: tuple[str, ...],
    code: int,
    message: str,
    hint: str,
    here: Path,
) -> None:
    write_network(here / "net.onnx", shape)
    refused(here, ("compile", "net.onnx", *FLOAT, *options), code, message, hint)


def test_dynamic_shapes_are_found_before_data_are_held_to_them(here: Path) -> None:
    write_network(here / "net.onnx", ["N", 3, "H", "W"])
    np.savez(here / "data.npz", x=np.ones((4, 3, 9, 9), np.float32))
    arguments = ("compile", "net.onnx", "--target", "cortex-m4", "--calibrate", "data.npz")
    refused(here, arguments, 3, "input 'image' has no fixed size in dimension 2", "--shape")


@pytest.mark.parametrize("shape", [["N", 3, "H", "W"], [4, 3, 8, 8]])
def test_with_a_shape_it_compiles(shape: list[int | str], here: Path) -> None:
    write_network(here / "net.onnx", shape)
    finished = succeed("compile", "net.onnx", *FLOAT, "--shape", "image=1,3,8,8", "--json")
    assert finished.json["macs"]["value"] == 8 * 8 * 8 * 27


# --- operators ------------------------------------------------------------------------------------


def test_an_operator_that_microcontrollers_lack_is_named_with_its_layer(
    here: Path, no_compilers: None
) -> None:
    write_network(here / "net.onnx", [1, 3, 8, 8], "Erf")
    arguments = ("compile", "net.onnx", "--target", "cortex-m4", "--precision", "float32")
    message = r"layer odd_layer \(Erf\): operator Erf has no integer or C form"
    refused(here, arguments, 3, message, "supported: Add,", "raspberry-pi-5")


def test_inspect_names_that_layer_and_still_counts_the_others(here: Path) -> None:
    write_network(here / "net.onnx", [1, 3, 8, 8], "Erf")
    content = succeed("inspect", "net.onnx", "--target", "cortex-m4", "--json").json
    assert content["fits"] is False
    assert content["problems"] == ["layer odd_layer (Erf): no C kernel for Erf"]
    first, odd = content["layers"]
    assert first["macs"]["value"] == 8 * 8 * 8 * 27
    assert "no C kernel" in odd["unsupported"]
    assert content["peak_live_bytes"]["value"] == 2 * 8 * 8 * 8


def test_a_linux_board_takes_it_without_a_tflite_form(here: Path) -> None:
    write_network(here / "net.onnx", [1, 3, 8, 8], "Erf")
    finished = succeed("compile", "net.onnx", "--target", "raspberry-pi-5", "--json")
    assert any("no TFLite form: layer odd_layer" in note for note in finished.json["notes"])
    assert "ram_bytes" not in finished.json


# --- size -----------------------------------------------------------------------------------------


def test_too_much_ram_is_refused_with_layer_and_bytes_before_any_compiler_runs(
    here: Path, no_compilers: None
) -> None:
    board = write_board(here / "tiny", ram_bytes=4000, flash_bytes=1 << 20)
    arguments = ("compile", MODEL, "--target", board, "--calibrate", CALIBRATION)
    message = r"model needs [\d,]+ bytes of RAM, 'tiny' has 4,000 bytes"
    largest = "largest: layer depthwise_2, bytes live at once: pointwise_1"
    refused(here, arguments, 3, message, largest, " 2,048", "edgetool inspect")


def test_input_and_output_buffers_count_although_the_caller_holds_them(
    here: Path, no_compilers: None
) -> None:
    write_network(here / "net.onnx", ["N", 3, "H", "W"])
    arguments = ("compile", "net.onnx", "--target", "raspberry-pi-pico", "--precision",
                 "float32", "--shape", "image=1,3,200,200")  # fmt: skip
    message = "model needs 1,719 KiB of RAM, 'raspberry-pi-pico' has 264 KiB"
    largest = "largest: layer first_conv, bytes live at once: image 480,000, "
    refused(here, arguments, 3, message, "input and output 1,760,000 bytes", largest)


def test_too_much_flash_is_refused_with_layer_and_bytes_before_any_compiler_runs(
    here: Path, no_compilers: None
) -> None:
    board = write_board(here / "tiny", ram_bytes=1 << 20, flash_bytes=6000)
    arguments = ("compile", MODEL, "--target", board, "--calibrate", CALIBRATION)
    message = "weights alone need 6,024 bytes of flash, 'tiny' has 6,000 bytes"
    refused(here, arguments, 3, message, "largest: layer pointwise_3, weights 2,048 bytes")


def test_code_that_does_not_fit_beside_the_weights_is_refused_once_linked(
    here: Path, clang: None
) -> None:
    board = write_board(here / "tiny", ram_bytes=1 << 20, flash_bytes=7000)
    arguments = ("compile", MODEL, "--target", board, "--calibrate", CALIBRATION)
    refused(here, arguments, 3, r"model needs \d+ KiB of flash, 'tiny' has 7,000 bytes", "layer")


def test_inspect_says_what_does_not_fit_and_in_which_layer(here: Path) -> None:
    board = write_board(here / "tiny", ram_bytes=4000, flash_bytes=6000)
    content = succeed("inspect", MODEL, "--target", board, "--json").json
    assert content["fits"] is False
    flash, ram = content["problems"]
    assert flash.startswith("weights alone need 6,024 bytes of flash, it has 6,000")
    assert ram.startswith("layer depthwise_2 has 4,096 bytes of activations live at once")
