"""This machine as a device: what every other transport is compared with."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edgetool.errors import UsageError
from edgetool.transports.process import ProcessChannel
from edgetool.transports.transport import Channel, Transport

WHERE = "this machine"


class LocalTransport(Transport):
    """Programs of this machine.   home: what paths are relative to; None: the user's own."""

    def __init__(self, home: Path | None = None) -> None:
        if sys.platform == "win32":
            raise UsageError(
                "this machine cannot be a device: it has no POSIX shell",
                hints=("use WSL, or a device over SSH",),
            )
        self.where = WHERE
        self.home = (home or Path.home()).absolute()

    def start(self, command: Sequence[str]) -> Channel:
        """See Transport. Raises: MissingToolError for a program that is not there."""
        environment = {**os.environ, "HOME": str(self.home)}
        return ProcessChannel(
            command, name=command[0], where=WHERE, folder=self.home, environment=environment
        )

    def close(self) -> None:
        """See Transport: nothing is held."""
