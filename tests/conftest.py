"""What all tests share: fixtures for what a machine may lack, and a clean environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

import needs
import root_rights

# Before any test imports them: what they assert is shown as in a test.
pytest.register_assert_rewrite("command_line", "refused_commands", "schemas")

# CI has no board, and nothing skips there: tests of one are asked for by naming it.
collect_ignore = ["hardware"] if needs.in_ci() and not os.environ.get("EDGETOOL_BOARD") else []

# A busy machine is no failure, and the same examples on every run make failures repeatable.
settings.register_profile("edgetool", deadline=None, derandomize=True)
settings.load_profile("edgetool")


@pytest.fixture(scope="session")
def mirror_file() -> Callable[[str], Path]:
    """mirror_file(sha256) is the file in EDGETOOL_MIRROR, or skips the test."""
    return needs.mirror_file


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str, str], Path]:
    """require_tool(name, how_to_install) is the executable's path, or skips the test."""
    return needs.require_tool


@pytest.fixture(autouse=True)
def no_packs_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own EDGETOOL_PATH changes no test's result."""
    monkeypatch.delenv("EDGETOOL_PATH", raising=False)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test of refused permissions where permissions can refuse."""
    if pyfuncitem.get_closest_marker(root_rights.MARKER) is None:
        return None
    if not root_rights.passes_over_permissions():
        return None
    root_rights.run_without_root_rights(pyfuncitem)
    return True
