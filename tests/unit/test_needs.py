"""Tests skip with the way out, and in CI they do not skip."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import needs

CONTENT = b"a model"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Outcome = (pytest.skip.Exception, pytest.fail.Exception)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGETOOL_MIRROR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("ci", ["true", ""])
def test_mirror_file_is_found_by_content_under_any_name(
    ci: str, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    (mirror / "folder").mkdir()
    (mirror / "folder" / "renamed.bin").write_bytes(CONTENT)
    assert needs.mirror_file(SHA256) == mirror / "folder" / "renamed.bin"


@pytest.mark.parametrize(
    ("ci", "has_mirror", "outcome"),
    [
        ("true", True, pytest.fail.Exception),
        ("true", False, pytest.skip.Exception),
        ("", True, pytest.skip.Exception),
        ("", False, pytest.skip.Exception),
    ],
)
def test_missing_mirror_file_fails_only_in_ci_with_a_mirror(
    ci: str,
    has_mirror: bool,
    outcome: type[BaseException],
    mirror: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", ci)
    if not has_mirror:
        monkeypatch.delenv("EDGETOOL_MIRROR")
    with pytest.raises(Outcome, match="EDGETOOL_MIRROR") as caught:
        needs.mirror_file(SHA256)
    assert caught.type is outcome


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_missing_tool_says_how_to_install_it(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(Outcome, match="apt install no-such-tool") as caught:
        needs.require_tool("no-such-tool", "apt install no-such-tool")
    assert caught.type is outcome
    with pytest.raises(Outcome, match="pip install no-such-module") as caught:
        needs.require_module("no_such_module", "pip install no-such-module")
    assert caught.type is outcome


def test_present_tool_is_found() -> None:
    assert needs.require_tool("sh", "part of every system").name == "sh"
    needs.require_module("numpy", "pip install numpy")
