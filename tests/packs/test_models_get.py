"""A recipe's files: from the mirror, the cache, or a server that may lie, stall or stop."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgetool.errors import OutputExistsError, PackError, UsageError
from edgetool.models import cache_folder, find_in_mirror, get_model, missing_files
from edgetool.packs import find_recipe

WritePack = Callable[[str, str], Path]
CONTENT = bytes(range(256)) * 300
SHA256 = hashlib.sha256(CONTENT).hexdigest()
RECIPE = """
description = "a model"
licence = "MIT"
metric = "top1"
[input]
shape = [1, 4]
layout = "NC"
dtype = "float32"
[[files]]
name = "model.tflite"
role = "model"
sha256 = "{sha256}"
{more}
"""


class Server(http.server.BaseHTTPRequestHandler):
    requests: list[str]

    def do_GET(self) -> None:
        type(self).requests.append(self.path)
        answer = getattr(self, "answer_" + self.path.strip("/"), None)
        if answer is None:
            self.send_error(404)
        else:
            answer()

    def send(self, body: bytes, length: int | None) -> None:
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def answer_good(self) -> None:
        self.send(CONTENT, len(CONTENT))

    def answer_wrong(self) -> None:
        self.send(CONTENT[:-1] + b"x", len(CONTENT))

    def answer_truncated(self) -> None:
        self.send(CONTENT[:1000], len(CONTENT))

    def answer_nolength(self) -> None:
        self.send(CONTENT[:1000], None)

    def answer_oversize(self) -> None:
        self.send(CONTENT + CONTENT, None)

    def answer_moved(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/good")
        self.end_headers()

    def answer_stall(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:10])
        self.wfile.flush()
        threading.Event().wait(3)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.requests = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def recipe_for(write_pack: WritePack, more: str, sha256: str = SHA256) -> Path:
    return write_pack("models/mine/recipe.toml", RECIPE.format(sha256=sha256, more=more))


def left_behind(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_a_file_is_downloaded_once_and_then_cached(write_pack: WritePack, server: str) -> None:
    recipe = recipe_for(write_pack, f"url = '{server}/good'\nsize_bytes = {len(CONTENT)}")
    counts: list[int] = []
    (first,) = get_model(recipe, progress=lambda name, count, total: counts.append(count))
    assert (first.name, first.read_bytes()) == ("model.tflite", CONTENT)
    assert counts[-1] == len(CONTENT)
    assert get_model(recipe) == [first]
    assert Server.requests == ["/good"]


def test_a_damaged_cache_is_downloaded_again(write_pack: WritePack, server: str) -> None:
    recipe = recipe_for(write_pack, f"url = '{server}/good'")
    (path,) = get_model(recipe)
    path.write_bytes(b"damaged")
    assert get_model(recipe) == [path]
    assert path.read_bytes() == CONTENT


def test_a_redirect_on_the_same_machine_is_followed(write_pack: WritePack, server: str) -> None:
    (path,) = get_model(recipe_for(write_pack, f"url = '{server}/moved'"))
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "size", "expected"),
    [
        ("wrong", len(CONTENT), "not the expected file"),
        ("truncated", None, "ended after 1000 of 76800 bytes"),
        ("nolength", len(CONTENT), "ended after 1000 of 76800 bytes"),
        ("nolength", None, "not the expected file"),
        ("oversize", len(CONTENT), "larger than the 76800 bytes allowed"),
        ("nothere", None, "the server answered 404"),
    ],
)
def test_a_bad_download_is_refused_and_leaves_nothing(
    write_pack: WritePack, server: str, page: str, size: int | None, expected: str
) -> None:
    more = f"url = '{server}/{page}'" + (f"\nsize_bytes = {size}" if size else "")
    with pytest.raises(UsageError) as error:
        get_model(recipe_for(write_pack, more))
    assert expected in str(error.value)
    assert f"{server}/{page}" in str(error.value)
    assert left_behind(cache_folder()) == []


def test_a_download_of_unknown_size_has_a_limit(
    write_pack: WritePack, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.download.LARGEST_BYTES", 5000)
    with pytest.raises(UsageError, match="larger than the 5000 bytes allowed"):
        get_model(recipe_for(write_pack, f"url = '{server}/good'"))
    assert left_behind(cache_folder()) == []


def test_a_silent_server_is_given_up(
    write_pack: WritePack, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.download.TIMEOUT_S", 0.3)
    with pytest.raises(UsageError, match="cannot be downloaded"):
        get_model(recipe_for(write_pack, f"url = '{server}/stall'"))
    assert left_behind(cache_folder()) == []


def test_no_server_at_all_says_how_to_use_a_mirror(write_pack: WritePack) -> None:
    with pytest.raises(UsageError, match="EDGETOOL_MIRROR") as error:
        get_model(recipe_for(write_pack, "url = 'http://127.0.0.1:9/model'"))
    assert error.value.exit_code == 2


def test_a_mirrored_file_is_found_by_hash_whatever_its_name(
    write_pack: WritePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "deep").mkdir(parents=True)
    (mirror / "deep" / "Unrelated Name").write_bytes(CONTENT)
    (mirror / "model.tflite").write_bytes(CONTENT[::-1])
    (mirror / "broken").symlink_to("nowhere")
    monkeypatch.setenv("EDGETOOL_MIRROR", str(mirror))
    assert find_in_mirror(SHA256) == mirror / "deep" / "Unrelated Name"
    assert find_in_mirror(SHA256, len(CONTENT) + 1) is None
    assert find_in_mirror("0" * 64) is None
    (path,) = get_model(recipe_for(write_pack, "url = 'http://127.0.0.1:9/model'"))
    assert (path.name, path.read_bytes()) == ("model.tflite", CONTENT)


def test_a_mirror_file_that_changes_is_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGETOOL_MIRROR", str(tmp_path))
    file = tmp_path / "x"
    file.write_bytes(CONTENT[:-1])
    assert find_in_mirror(SHA256) is None
    file.write_bytes(CONTENT)
    assert find_in_mirror(SHA256) == file


def test_a_mirror_that_is_no_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGETOOL_MIRROR", "/nowhere")
    with pytest.raises(UsageError, match="EDGETOOL_MIRROR: '/nowhere' is not a folder"):
        find_in_mirror(SHA256)


def test_without_mirror_nothing_is_found() -> None:
    assert find_in_mirror(SHA256) is None


def test_a_file_that_only_a_mirror_has_is_left_out_or_explained(write_pack: WritePack) -> None:
    recipe = recipe_for(write_pack, "")
    assert [file.name for file in missing_files(find_recipe(recipe))] == ["model.tflite"]
    with pytest.raises(UsageError, match="model 'mine' cannot be had here") as error:
        get_model(recipe)
    assert "model.tflite: no address, and not in EDGETOOL_MIRROR" in str(error.value)


def test_shipped_files_are_checked_against_their_hash(write_pack: WritePack) -> None:
    recipe = recipe_for(write_pack, "shipped = true")
    with pytest.raises(PackError, match="is missing"):
        get_model(recipe)
    recipe.with_name("model.tflite").write_bytes(b"other")
    with pytest.raises(PackError, match="has sha256"):
        get_model(recipe)
    recipe.with_name("model.tflite").write_bytes(CONTENT)
    assert get_model(recipe) == [recipe.with_name("model.tflite")]


def test_files_are_copied_to_a_folder_and_never_over_another_file(
    write_pack: WritePack, tmp_path: Path
) -> None:
    recipe = recipe_for(write_pack, "shipped = true")
    recipe.with_name("model.tflite").write_bytes(CONTENT)
    folder = tmp_path / "new" / "folder"
    assert get_model(recipe, folder) == [folder / "model.tflite"] == get_model(recipe, folder)
    (folder / "model.tflite").write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match="exists and is another file"):
        get_model(recipe, folder)
    assert (folder / "model.tflite").read_bytes() == b"mine"
    assert left_behind(folder) == [folder / "model.tflite"]


@pytest.mark.parametrize("builder", ["edgetool.nowhere:build", "edgetool.figures:nothing"])
def test_a_builder_that_is_not_there_is_a_pack_error(write_pack: WritePack, builder: str) -> None:
    text = RECIPE.split("[[files]]")[0]
    file = write_pack("models/built/recipe.toml", f"builder = '{builder}'\n" + text)
    with pytest.raises(PackError, match="builder: "):
        get_model(file)
