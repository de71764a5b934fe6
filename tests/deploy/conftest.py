"""What the tests over links share: each transport, with an empty home folder on the device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from board_processes import kill, processes_in
from edgetool.transports.local import LocalTransport
from edgetool.transports.transport import Transport


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The device's home folder; what a test left running there is ended after it."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    kill(processes_in(folder))


@pytest.fixture(params=["local"])
def transport(home: Path) -> Iterator[Transport]:
    """A link of each kind to a device whose files are in `home`."""
    with LocalTransport(home) as link:
        yield link
