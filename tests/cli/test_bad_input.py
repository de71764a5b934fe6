"""Options and data that cannot be used: refused with the reason and what to try."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from refused_commands import assert_refused, refused

from command_line import CALIBRATION, DIGITS, EVALUATION, MODEL, edgetool, succeed

SOURCES = ("compile", MODEL, "--target", "cortex-m4", "--compiler", "none")
DENSE = "dense"  # a layer without a normalization that would be folded into it
CALIBRATED = (*SOURCES, "--calibrate", CALIBRATION)


def digits() -> npt.NDArray[np.float32]:
    """Calibration samples, (200, 1, 8, 8)."""
    with np.load(DIGITS / "calibration.npz") as stored:
        return np.array(stored["x"])


# --- targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [("compile", MODEL, "--target"), ("targets", "show")])
@pytest.mark.parametrize(
    ("name", "message", "meant"),
    [
        ("nucleo-l4r5z", "target 'nucleo-l4r5z' not found", "did you mean: nucleo-l4r5zi"),
        ("Jetson-Nano", "target name 'Jetson-Nano' is not valid", "did you mean: jetson-nano"),
        ("toaster", "target 'toaster' not found", "looked in: "),
        ("./toaster", r"target '\./toaster' not found", "target.toml"),
    ],
)
def test_an_unknown_target_names_the_close_one(
    verb: tuple[object, ...], name: str, message: str, meant: str, here: Path
) -> None:
    refused(here, (*verb, name), 2, message, meant)


def test_a_board_description_with_mistakes_names_each(here: Path) -> None:
    board = here / "board"
    board.mkdir()
    (board / "target.toml").write_text(
        'inherits = "cortex-m4"\ndescription = "x"\nramm_bytes = 1\nflash_bytes = "2 MiB"\n'
    )
    finished = edgetool("compile", MODEL, "--target", "./board")
    assert finished.code == 2
    assert "target.toml: 2 mistakes" in finished.err
    assert "ramm_bytes: unknown key" in finished.err
    assert "flash_bytes: " in finished.err


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ((*CALIBRATED, "--precision", "int9"), "target 'cortex-m4' has no int9", "int8"),
        ((*CALIBRATED, "--precision", "float16"), "target 'cortex-m4' has no float16", "int8"),
        ((*CALIBRATED, "--ranges", "max"), "--ranges max is not known", "minmax, percentile, mse"),
        ((*CALIBRATED, "--io", "uint8"), "--io uint8 is not known", "int8, int16, float32"),
        ((*CALIBRATED[:-4], "--compiler", "icc"), "--compiler icc is not known", "clang, gcc"),
        ((*CALIBRATED, "--metric", "top1"), "--metric top1 has no data", "--evaluate DATA"),
        (
            (*CALIBRATED, "--evaluate", EVALUATION, "--metric", "f1"),
            "metric 'f1' is not known",
            "top1, auc, mse",
        ),
        (
            (*CALIBRATED, "--evaluate", EVALUATION, "--metric", "nowhere:score"),
            "'nowhere:score': module 'nowhere' cannot be imported",
            "from the folder that holds the module",
        ),
        ((*CALIBRATED, "--shape", "1,8,8"), "--shape '1,8,8' is not name=dim", "1,3,224,224"),
        ((*CALIBRATED, "--shape", "image=1,1,8,0"), "--shape 'image=1,1,8,0' is not", "224"),
        ((*CALIBRATED, "--frobnicate"), "no such option: --frobnicate", "compile --help"),
        (("compile", MODEL), "missing option '--target'", "edgetool compile --help"),
        (("compile",), "missing argument 'MODEL'", "edgetool compile --help"),
        (("compil", MODEL), "no such command 'compil'", "edgetool --help"),
        (("verify", "x", "--emulated-samples", "0"), "invalid value for", "verify --help"),
    ],
)
def test_an_option_that_is_not_known_lists_what_is(
    arguments: tuple[object, ...], message: str, hint: str, here: Path
) -> None:
    refused(here, arguments, 2, message, hint)


def test_repeats_without_a_board_are_refused(here: Path) -> None:
    folder = succeed(*CALIBRATED, "--json").json["artifact"]
    message = "--repeats 5 counts inferences on a board, and none is named"
    refused(here, ("profile", folder, "--repeats", 5), 2, message, "--device PORT")


def test_options_that_round_nothing_say_so(here: Path) -> None:
    chosen = ("--precision", "float32", "--effort", "normal", "--ranges", "mse", "--json")
    notes = succeed("compile", MODEL, "--target", "cortex-m4", "--compiler", "none",
                    *chosen).json["notes"]  # fmt: skip
    for option in ("--effort normal", "--ranges mse"):
        assert f"{option} changed nothing: nothing is quantized (float32)" in notes


def test_evaluation_data_without_labels_are_named(here: Path) -> None:
    np.savez(here / "x.npz", x=digits())
    found = succeed(*CALIBRATED, "--evaluate", "x.npz", "--json").json
    assert "evaluation data hold no labels (an array named y): nothing is scored" in found["notes"]


def test_int8_for_a_gpu_without_int8_says_so(here: Path) -> None:
    arguments = ("compile", MODEL, "--target", "jetson-nano", "--precision", "int8")
    message = "target 'jetson-nano' has no int8: it runs float32, float16"
    refused(here, arguments, 2, message, "this GPU has no INT8", "--precision float16")


def test_a_quantized_model_is_told_to_keep_its_parameters_only_where_it_can(here: Path) -> None:
    model = Path(succeed(*CALIBRATED, "--json").json["artifact"]) / "model.onnx"
    compile_for = ("compile", model, "--target")
    kept = (*compile_for, "cortex-m4", "--precision", "float16")
    refused(here, kept, 2, "target 'cortex-m4' has no float16", "leave out --precision to keep")
    finished = edgetool(*compile_for, "jetson-nano")
    assert_refused(finished, 2, "target 'jetson-nano' has no int8", "give the float model")
    assert "leave out" not in finished.err


# --- calibration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "implied"),
    [
        (SOURCES, r" \(the default of 'cortex-m4'\)"),
        ((*SOURCES, "--precision", "int8"), ""),
        (("compile", MODEL, "--target", "raspberry-pi-5", "--precision", "int8"), ""),
    ],
)
def test_int8_without_calibration_data_is_refused_and_nothing_is_made_up(
    arguments: tuple[object, ...], implied: str, here: Path
) -> None:
    message = f"precision int8{implied} needs calibration data for a float model"
    refused(here, arguments, 2, message, "--calibrate data.npz", "random data", "float32")


def spoiled(value: float) -> npt.NDArray[np.float32]:
    """Samples with one such value in sample 2."""
    samples = digits()[:5].copy()
    samples[2, 0, 3, 4] = value
    return samples


@pytest.mark.parametrize(
    ("arrays", "message", "hint"),
    [
        (
            {"x": digits().transpose(0, 2, 3, 1)},
            r"array 'x' of data.npz is 200x8x8x1, input 'image' takes Nx1x8x8",
            "x.transpose(0, 3, 1, 2)",
        ),
        ({"x": digits()[:, :, :7]}, "array 'x' of data.npz is 200x1x7x8, input 'image'", "axis"),
        ({"x": digits()[0, 0]}, "array 'x' of data.npz is 8x8, input 'image'", "axis"),
        ({"x": np.float32(3)}, "array 'x' of data.npz is a scalar", "axis"),
        ({"x": digits()[:0]}, "array 'x' of data.npz holds no samples", "100 to 500"),
        (
            {"x": (digits() * 16).astype(np.uint8)},
            "array 'x' of data.npz is uint8, input 'image' takes float32",
            "x_scale",
        ),
        (
            {"x": (digits() * 16).astype(np.uint8), "x_scale": np.float32(0.1)},
            "'data.npz' has 'x_scale' but no 'x_zero_point'",
            "x_zero_point",
        ),
        ({"x": spoiled(np.nan)}, "array 'x' of data.npz holds nan in sample 2, at", "remove"),
        ({"x": spoiled(np.inf)}, "array 'x' of data.npz holds inf in sample 2, at", "remove"),
        ({"x": digits() * 0 + 1}, "'data.npz' holds nothing but 1 for input 'image'", "real"),
        (
            {"x": np.array([digits()[0], None], dtype=object)},
            "array 'x' of data.npz holds Python objects",
            "float32",
        ),
        ({"x": digits().astype(complex)}, "array 'x' of data.npz holds complex128", "float32"),
        ({"x": np.array(["a", "b"])}, "array 'x' of data.npz holds <U1", "float32"),
        ({"samples": digits()}, "'data.npz' has no array for input 'image'", "'image' or 'x'"),
        ({}, "'data.npz' has no array for input 'image'", "'image' or 'x'"),
        ({"x": digits(), "y": np.arange(3)}, "'data.npz' has 3 labels in 'y' for 200", "label"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_data_that_do_not_suit_the_model_are_refused(
    arrays: dict[str, npt.NDArray[np.float32]], message: str, hint: str, here: Path
) -> None:
    np.savez(here / "data.npz", **arrays)  # type: ignore[arg-type]
    refused(here, (*SOURCES, "--calibrate", "data.npz"), 2, message, hint)


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("nowhere.npz", "data 'nowhere.npz' not found", "module:function"),
        ("notes.txt", "'notes.txt' is no data that edgetool reads", ".npz"),
        ("noise.npz", "'noise.npz' is not an .npz archive, or is damaged", "savez"),
        ("cut.npz", "'cut.npz' is not an .npz archive, or is damaged", "savez"),
        ("empty", "folder 'empty' holds no samples", ".npy"),
        ("nowhere:load", "'nowhere:load': module 'nowhere' cannot be imported", "folder"),
        (f"{DIGITS / 'calibration.npz'}[500:]", ".* takes none of the 200 samples", "200"),
    ],
)
def test_data_that_cannot_be_read_are_refused(
    source: str, message: str, hint: str, here: Path
) -> None:
    np.savez(here / "whole.npz", x=digits())
    whole = (here / "whole.npz").read_bytes()
    (here / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (here / "noise.npz").write_bytes(np.random.default_rng(1).bytes(500))
    (here / "notes.txt").write_text("not data")
    (here / "empty").mkdir()
    refused(here, (*SOURCES, "--calibrate", source), 2, message, hint)


def test_evaluation_data_scaled_otherwise_than_the_calibration_data_are_refused(
    here: Path,
) -> None:
    np.savez(here / "pixels.npz", x=digits() * 255)
    arguments = (*SOURCES, "--calibrate", "pixels.npz", "--evaluate", EVALUATION)
    message = "calibration and evaluation data are not scaled alike for input 'image'"
    refused(here, arguments, 2, message, "'pixels.npz': 0 to 255", "preprocess both")


USERS_MODULE = """
def breaks(): raise RuntimeError("the disk is gone")
def names(): return ["a"]
def text(outputs, labels, inputs): return "good"
def undefined(outputs, labels, inputs): return float("nan")
def raises(outputs, labels, inputs): return labels.nothing
"""


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (("--calibrate", "mine:breaks"), "'mine:breaks' failed", "the disk is gone"),
        (("--calibrate", "mine:names"), "'mine:names' returned list", "return a dict"),
        (("--calibrate", "mine:other"), "module 'mine' has no function 'other'", "breaks, names"),
        (("--metric", "mine:text"), "metric 'mine:text' returned str, not a number", "one float"),
        (("--metric", "mine:undefined"), "metric 'mine:undefined' is nan over 50", "finite"),
        (("--metric", "mine:raises"), "'mine:raises' failed", "AttributeError"),
    ],
)
def test_a_users_function_that_fails_is_the_users_error(
    options: tuple[str, str],
    message: str,
    hint: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (here / "mine.py").write_text(USERS_MODULE)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    data = () if options[0] == "--calibrate" else ("--calibrate", CALIBRATION)
    refused(here, (*SOURCES, *data, "--evaluate", EVALUATION, *options), 2, message, hint)


def test_integers_with_scale_and_zero_point_calibrate_like_the_reals_they_stand_for(
    here: Path,
) -> None:
    steps = (digits() * 16).round().astype(np.uint8)
    np.savez(here / "steps.npz", x=steps, x_scale=np.float32(1 / 16), x_zero_point=0)
    np.savez(here / "reals.npz", x=steps.astype(np.float32) / 16)
    for name in ("steps", "reals"):
        succeed(*SOURCES, "--calibrate", f"{name}.npz", "--output", name)
    assert (here / "steps" / "program.npz").read_bytes() == (
        here / "reals" / "program.npz"
    ).read_bytes()


# --- calibration that works, but should be looked at ----------------------------------------------


def notes_of(here: Path, samples: npt.NDArray[np.float32], *options: object) -> str:
    """All that compile notes with these calibration samples."""
    np.savez(here / "data.npz", x=samples)
    found = succeed(*SOURCES, "--calibrate", "data.npz", *options, "--json").json
    passes = [note for report in found["passes"] for note in report["notes"]]
    return "\n".join([*found["notes"], *passes])


@pytest.mark.parametrize(
    ("samples", "counted"),
    [
        (digits()[:1], "hold 1 sample:"),
        (digits()[:49], "hold 49 samples:"),
        (digits()[[3] * 60], "hold 60 samples, all the same:"),
        (digits()[[3, 4] * 30], "hold 60 samples, only 2 of them different:"),
    ],
)
def test_few_different_calibration_samples_are_said_with_how_many_to_give(
    samples: npt.NDArray[np.float32], counted: str, here: Path
) -> None:
    notes = notes_of(here, samples)
    assert f"calibration data {counted} ranges from so few miss values; give 100 to 500" in notes


def test_enough_calibration_samples_are_not_mentioned(here: Path) -> None:
    assert "calibration data" not in notes_of(here, digits())


def test_pixels_that_nobody_scaled_are_said(here: Path) -> None:
    pixels = (digits() * 255).round()
    notes = notes_of(here, pixels)
    assert "calibration data for input 'image' are whole numbers from 0 to 255" in notes


def test_evaluation_samples_that_saturate_are_said(here: Path) -> None:
    np.savez(here / "brighter.npz", x=digits() + 2, y=np.zeros(200, np.int64))
    notes = notes_of(here, digits(), "--evaluate", "brighter.npz", "--output", "made")
    wanted = "100.0% of the samples' values for input 'image' saturate: they are 2 to 3, int8 holds"
    assert wanted in notes
    again = succeed("evaluate", "made", "--samples", "brighter.npz", "--json").json["notes"]
    assert wanted in "\n".join(again)


# --- weights --------------------------------------------------------------------------------------


def spoiled_model(here: Path, change: Callable[[npt.NDArray[np.float32], str], None]) -> str:
    """The digits' model with change applied to every float constant and its name."""
    model = onnx.load(MODEL)
    for constant in model.graph.initializer:
        array = onnx.numpy_helper.to_array(constant).copy()
        change(array, constant.name)
        constant.CopyFrom(onnx.numpy_helper.from_array(array, constant.name))
    onnx.save(model, here / "spoiled.onnx")
    return "spoiled.onnx"


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("end", ["weight", "bias"])
def test_weights_that_are_not_finite_name_tensor_and_layer(
    value: float, end: str, here: Path
) -> None:
    def spoil(array: npt.NDArray[np.float32], name: str) -> None:
        if name == f"{DENSE}.{end}":
            array.reshape(-1)[1] = value

    model = spoiled_model(here, spoil)
    what = {"weight": "weights", "bias": "bias values"}[end]
    message = rf"{what} '{DENSE}\.{end}' of layer dense \(Gemm\) hold {value} at \("
    arguments = ("compile", model, *SOURCES[2:], "--calibrate", CALIBRATION)
    refused(here, arguments, 3, message, "1 of ", "export the model again")


def test_activations_that_overflow_name_tensor_layer_and_sample(here: Path) -> None:
    samples = digits()[:60]
    samples[7] = 3e38
    np.savez(here / "data.npz", x=samples)
    message = r"activation '\S+' of layer conv_stem\S* \(\w+\) holds inf for calibration sample 7"
    refused(here, (*SOURCES, "--calibrate", "data.npz"), 3, message, "check the sample")


def test_a_bias_beyond_int32_raises_the_weights_scale_and_says_so(here: Path) -> None:
    def shrink(array: npt.NDArray[np.float32], name: str) -> None:
        if name == f"{DENSE}.weight":
            array *= 1e-9

    model = spoiled_model(here, shrink)
    arguments = ("compile", model, *SOURCES[2:], "--calibrate", CALIBRATION, "--json")
    passes = succeed(*arguments).json["passes"]
    notes = [note for report in passes for note in report["notes"]]
    raised = [note for note in notes if "so that the bias fits int32" in note]
    assert len(raised) == 1
    assert re.search(r"dense \(Gemm\): weight scale raised \(up to \S+ times\)", raised[0])


@pytest.mark.parametrize(
    ("target", "precision", "command"),
    [
        ("raspberry-pi-5", "int8", "`edgetool profile --device NAME`"),
        ("host", "int8", "`edgetool profile`"),
        ("raspberry-pi-5", "float32", None),
        ("cortex-m4", "int8", None),
    ],
)
def test_speed_that_nobody_has_measured_is_said_with_how_to_measure_it(
    target: str, precision: str, command: str | None, here: Path
) -> None:
    found = succeed("compile", MODEL, "--target", target, "--precision", precision,
                    "--calibrate", CALIBRATION, "--compiler", "none", "--json").json  # fmt: skip
    said = [note for note in found["notes"] if "is not measured" in note]
    assert len(said) == (command is not None)
    assert all(f"whether int8 is faster than float32 on '{target}'" in note for note in said)
    assert all(str(command) in note for note in said)
