from __future__ import annotations

import importlib
import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import needs
from edgetool.data import Dataset, InputSpec, load_data, overlap_note
from edgetool.errors import DataError, EdgetoolError, MissingToolError, UsageError

INSTALL_PILLOW = "pip install 'edgetool[images]'"
IMAGE = InputSpec("image", (1, 3, 4, 5), "float32")
INT8 = InputSpec("image", (1, 2), "int8", 0.5, -3)


def save(folder: Path, **arrays: Any) -> str:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return str(path)


def images(samples: int = 4) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).standard_normal((samples, 3, 4, 5)).astype(np.float32)


def test_npz_gives_samples_by_input_name_with_labels_and_sha256(tmp_path: Path) -> None:
    x, y = images(), np.arange(4)
    found = load_data(save(tmp_path, x=x, y=y), [IMAGE])
    np.testing.assert_array_equal(found.inputs["image"], x)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 2, 3]
    assert (found.samples, len(found.sha256), found.notes) == (4, 64, ())


def test_arrays_are_found_by_input_name_when_there_are_several_inputs(tmp_path: Path) -> None:
    specs = [InputSpec("a", (1, 2), "float32"), InputSpec("b:0", (1, 3), "float32")]
    path = save(tmp_path, **{"a": np.ones((2, 2)), "b:0": np.zeros((2, 3))})
    found = load_data(path, specs)
    assert {name: array.dtype.name for name, array in found.inputs.items()} == {
        "a": "float32",
        "b:0": "float32",
    }


def test_slices_take_parts_of_the_samples_and_of_the_labels(tmp_path: Path) -> None:
    x, path = images(10), save(tmp_path, x=images(10), y=np.arange(10))
    first, rest = load_data(f"{path}[:3]", [IMAGE]), load_data(f"{path}[3:]", [IMAGE])
    np.testing.assert_array_equal(np.concatenate([first.inputs["image"], rest.inputs["image"]]), x)
    assert rest.labels is not None
    assert rest.labels.tolist() == list(range(3, 10))
    assert first.path.endswith("[:3]")
    assert first.sha256 == rest.sha256


def test_a_file_whose_name_ends_like_a_slice_is_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "data[1:2]"
    folder.mkdir()
    for index in range(3):
        np.save(folder / f"{index}.npy", images()[index])
    assert load_data(str(folder), [IMAGE]).samples == 3


def test_integers_with_scale_and_zero_point_become_the_real_values(tmp_path: Path) -> None:
    x = np.array([[-128, 127], [83, 0]], np.int8)
    path = save(tmp_path, x=x, x_scale=np.float32(0.5), x_zero_point=np.int32(83))
    found = load_data(path, [InputSpec("features", (1, 2), "float32")])
    np.testing.assert_array_equal(found.inputs["features"], [[-105.5, 22.0], [0.0, -41.5]])


def test_integers_for_an_integer_input_are_used_verbatim(tmp_path: Path) -> None:
    x = np.array([[-128, 127]], np.int8)
    for extra in ({}, {"x_scale": np.float32(0.5), "x_zero_point": -3}):
        found = load_data(save(tmp_path, x=x, **extra), [INT8])
        np.testing.assert_array_equal(found.inputs["image"], x)
        assert found.notes == ()


def test_integers_of_another_scale_are_requantized_with_a_note(tmp_path: Path) -> None:
    path = save(tmp_path, x=np.array([[10, 251]], np.uint8), x_scale=0.25, x_zero_point=2)
    found = load_data(path, [INT8])
    np.testing.assert_array_equal(found.inputs["image"], [[1, 122]])  # 2.0 and 62.25 in halves
    assert found.inputs["image"].dtype == np.int8
    assert "requantized from scale 0.25, zero point 2" in found.notes[0]


def test_floats_for_an_int8_input_are_quantized_and_saturation_is_noted(tmp_path: Path) -> None:
    found = load_data(save(tmp_path, x=np.array([[0.25, -0.25], [1e6, -2.0]])), [INT8])
    np.testing.assert_array_equal(found.inputs["image"], [[-2, -4], [127, -7]])
    assert "1 values (25 %) lie outside" in found.notes[0]


def test_a_function_gives_a_dict_or_a_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_samples.py").write_text(
        "import numpy as np\n"
        "def pair(): return np.ones((2, 2), np.float32), [0, 1]\n"
        "def named(): return {'image': np.ones((2, 2), np.float32)}\n"
        "def text(): return 'no data'\n"
        "def objects(): return {'x': [None, 'a']}\n"
        "def failing(): raise KeyError('path')\n"
    )
    monkeypatch.chdir(tmp_path)
    spec = [InputSpec("image", (1, 2), "float32")]
    pair = load_data("my_samples:pair", spec)
    assert pair.labels is not None
    assert pair.labels.tolist() == [0, 1]
    assert load_data("my_samples:named", spec).labels is None
    for name, message in (
        ("text", "returned str"),
        ("objects", "Python objects"),
        ("failing", "KeyError: 'path'"),
        ("absent", "has no function 'absent'"),
    ):
        with pytest.raises(UsageError, match=message):
            load_data(f"my_samples:{name}", spec)
    with pytest.raises(UsageError, match="cannot be imported"):
        load_data("no_such_module_here:f", spec)


def test_a_folder_of_npy_files_in_class_folders_is_labelled_by_class(tmp_path: Path) -> None:
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for index in range(2):
            np.save(tmp_path / name / f"{index}.npy", np.full((3, 4, 5), label, np.float32))
    found = load_data(str(tmp_path), [IMAGE])
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert found.inputs["image"][:, 0, 0, 0].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_images_take_the_inputs_layout(tmp_path: Path, layout: str) -> None:
    needs.require_module("PIL", INSTALL_PILLOW)
    image = importlib.import_module("PIL.Image")
    pixels = np.random.default_rng(2).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    image.fromarray(pixels).save(tmp_path / "a.png")
    np.save(tmp_path / "x_scale.npy", np.float32(1 / 255))
    np.save(tmp_path / "x_zero_point.npy", np.int32(0))
    shape = (1, 3, 4, 5) if layout == "NCHW" else (1, 4, 5, 3)
    found = load_data(str(tmp_path), [InputSpec("image", shape, "float32")]).inputs["image"][0]
    wanted = pixels.transpose(2, 0, 1) if layout == "NCHW" else pixels
    np.testing.assert_allclose(found, wanted / 255.0, atol=1e-6)


def test_a_damaged_image_is_a_data_error(tmp_path: Path) -> None:
    needs.require_module("PIL", INSTALL_PILLOW)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnot an image")
    with pytest.raises(DataError, match=r"a\.png"):
        load_data(str(tmp_path), [IMAGE])


def test_images_without_pillow_say_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingToolError, match=r"edgetool\[images\]"):
        load_data(str(tmp_path), [IMAGE])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((2, 4, 5, 3), np.float32)}, r"NHWC, the model is NCHW: x\.transpose"),
        ({"x": np.zeros((3, 4, 5), np.float32)}, r"leading axis: x\[None\]"),
        ({"x": np.zeros((2, 60), np.float32)}, r"x\.reshape\(-1, 3, 4, 5\)"),
        ({"x": np.zeros((2, 7), np.float32)}, r"is 2x7, input 'image' takes Nx3x4x5"),
        ({"x": np.zeros((0, 3, 4, 5), np.float32)}, "holds no samples"),
        ({"x": np.float32(1)}, "a scalar"),
        ({"x": np.zeros((2, 3, 4, 5), np.uint8)}, "x_scale and x_zero_point"),
        ({"z": np.zeros((2, 3, 4, 5), np.float32)}, "it has: z"),
        ({"x": images(), "y": np.arange(3)}, "3 labels in 'y' for 4 samples"),
        ({"x": images().astype(complex)}, "complex128, not integers or floats"),
        ({"x": np.array([None, "a"], object)}, "Python objects"),
        ({"x": np.full((2, 3, 4, 5), 1e300)}, "holds inf in sample 0"),
        ({"x": images().astype(np.int8), "x_scale": 0.5}, "no 'x_zero_point'"),
        ({"x": images().astype(np.int8), "x_scale": -1.0, "x_zero_point": 0}, "not a positive"),
        ({"x": images().astype(np.int8), "x_scale": 1.0, "x_zero_point": 0.5}, "not an integer"),
        ({"x": images().astype(np.int8), "x_scale": [1, 2], "x_zero_point": 0}, "one finite"),
    ],
)
def test_wrong_data_say_what_is_wrong_and_what_to_try(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_data(save(tmp_path, **arrays), [IMAGE])


def test_the_other_layout_hint_is_given_for_a_channels_last_model(tmp_path: Path) -> None:
    path = save(tmp_path, x=images())
    with pytest.raises(DataError, match=r"NCHW, the model is NHWC: x\.transpose\(0, 2, 3, 1\)"):
        load_data(path, [InputSpec("image", (1, 4, 5, 3), "float32")])


def test_nan_names_its_sample(tmp_path: Path) -> None:
    x = images()
    x[2, 1, 3, 4] = np.nan
    with pytest.raises(DataError, match=r"nan in sample 2, at \(1, 3, 4\)"):
        load_data(save(tmp_path, x=x), [IMAGE])


def test_integers_outside_the_inputs_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds 0\.\.200, input 'image' takes int8"):
        load_data(save(tmp_path, x=np.array([[0, 200]], np.int16)), [INT8])


def test_uint8_data_for_an_int8_input_lose_128_with_a_note(tmp_path: Path) -> None:
    data = load_data(save(tmp_path, x=np.array([[0, 255], [128, 1]], np.uint8)), [INT8])
    assert data.inputs["image"].tolist() == [[-128, 127], [0, -127]]
    assert "shifted by -128" in data.notes[0]


def test_an_empty_slice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="takes none of the 4 samples"):
        load_data(save(tmp_path, x=images()) + "[9:]", [IMAGE])


def test_inputs_with_different_numbers_of_samples_are_refused(tmp_path: Path) -> None:
    specs = [InputSpec("a", (1, 2), "float32"), InputSpec("b", (1, 2), "float32")]
    with pytest.raises(DataError, match="'a' 3, 'b' 4"):
        load_data(save(tmp_path, a=np.ones((3, 2)), b=np.ones((4, 2))), specs)


def test_absent_files_and_other_files_are_refused(tmp_path: Path) -> None:
    for name in ("absent.npz", "absent"):
        with pytest.raises(DataError, match="not found"):
            load_data(str(tmp_path / name), [IMAGE])
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="no data that edgetool reads"):
        load_data(str(tmp_path / "notes.txt"), [IMAGE])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="holds no samples"):
        load_data(str(empty), [IMAGE])


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 30,)}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header.getvalue())
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    content[at : at + 4] = (0xF0000000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(DataError, match="unpacks to 4,026,531,840 bytes"):
        load_data(str(path), [IMAGE])


def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 3, 4, 5)}
        )
    with pytest.raises(DataError, match="damaged"):
        load_data(str(path), [IMAGE])


def test_damaged_archives_give_a_data_error_and_nothing_else(tmp_path: Path) -> None:
    whole = Path(save(tmp_path, x=images(), y=np.arange(4))).read_bytes()
    random, path = np.random.default_rng(5), tmp_path / "damaged.npz"
    refused = 0
    for trial in range(300):
        content = bytearray(whole)
        if trial % 3 == 0:
            del content[int(random.integers(len(content))) :]
        for _ in range(int(random.integers(1, 6))):
            if content:
                content[int(random.integers(len(content)))] = int(random.integers(256))
        path.write_bytes(content)
        try:
            load_data(str(path), [IMAGE])
        except EdgetoolError as error:
            assert isinstance(error, DataError)
            refused += 1
    assert refused > 200


def test_overlap_of_calibration_and_evaluation_is_noted(tmp_path: Path) -> None:
    path = save(tmp_path, x=images(10))

    def part(spec: str) -> Dataset:
        return load_data(path + spec, [IMAGE])

    assert overlap_note(part("[:4]"), part("[4:]")) == ()
    assert overlap_note(None, part("[4:]")) == ()
    assert "2 of 8 evaluation samples" in overlap_note(part("[:4]"), part("[2:]"))[0]
