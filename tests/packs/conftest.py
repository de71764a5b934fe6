"""What the pack tests share: a folder of packs of one's own, and an environment without others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

WritePack = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("EDGETOOL_PATH", "EDGETOOL_MIRROR", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def write_pack(tmp_path: Path) -> WritePack:
    """Writes text to a path in a folder of packs; returns the file."""

    def write(path: str, text: str) -> Path:
        file = tmp_path / "packs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write
