"""Start the agent on a device, and put it there first where it is not."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgetool.agent.bundle import agent_bundle
from edgetool.agent.messages import Hello, Reader, printable
from edgetool.errors import DeviceError, LinkError, MissingToolError, NoPythonError
from edgetool.transports.transport import Channel, Completed, Transport

HELLO_TIMEOUT_S = 30.0  # Python starts in seconds on a loaded Pi Zero
_NO_SUCH_COMMAND = 127


@dataclass(frozen=True)
class AgentPlace:
    """root: edgetool's folder on the device.   python: the command that runs the agent.

    system_root: the folder that the agent takes for "/" where it reads /proc and /sys.
    """

    root: str
    python: str
    system_root: str

    @property
    def path(self) -> str:
        """Where the agent lies on the device."""
        return str(PurePosixPath(self.root) / agent_bundle().path)

    @property
    def command(self) -> tuple[str, ...]:
        """What starts it. -I: nothing of the user's Python settings takes part."""
        options: tuple[str, ...] = ("--root", self.root)
        if self.system_root != "/":
            options += ("--system-root", self.system_root)
        return (self.python, "-I", self.path, *options)


def launch(transport: Transport, place: AgentPlace, reader: Reader) -> tuple[Channel, Hello]:
    """The agent, started, and what it said first.

    It is started before anybody looks whether it is there: the usual case costs one round trip.
    Raises: LinkError; DeviceError where it cannot be started; ProtocolError.
    """
    started = _try(transport, place, reader)
    if isinstance(started, Completed):
        if started.exit_code == _NO_SUCH_COMMAND:
            raise no_python(transport.where, place.python)
        _push(transport, place)
        started = _try(transport, place, reader)
    if isinstance(started, Completed):
        raise _cannot_start(transport.where, started)
    return started


def no_python(where: str, python: str) -> NoPythonError:
    """There is nothing to run the agent with."""
    return NoPythonError(
        f"{where} has no {python}, which edgetool's agent needs",
        hints=(
            "install Python 3.6 or later there (apt install python3)",
            "without it only probing and static binaries work",
        ),
    )


def _try(
    transport: Transport, place: AgentPlace, reader: Reader
) -> tuple[Channel, Hello] | Completed:
    """The session, or how the command ended without one. A damaged agent counts as none."""
    try:
        channel = transport.start(place.command)
    except MissingToolError as error:
        raise no_python(transport.where, place.python) from error
    try:
        line = channel.read_line(HELLO_TIMEOUT_S)
        if line is None:
            return channel.close()
        hello = reader.hello(line)
    except DeviceError:
        with contextlib.suppress(DeviceError):
            channel.close()
        raise
    if hello.agent != agent_bundle().name:
        return channel.close()
    return channel, hello


def _push(transport: Transport, place: AgentPlace) -> None:
    bundle = agent_bundle()
    with tempfile.TemporaryDirectory(prefix="edgetool-agent-") as folder:
        file = Path(folder) / PurePosixPath(bundle.path).name
        file.write_bytes(bundle.content)
        transport.upload(file, place.path, sha256=bundle.sha256)


def _cannot_start(where: str, ended: Completed) -> DeviceError:
    said = printable(ended.stderr.decode("utf-8", "replace")).strip().splitlines()
    details = [f"exit code {ended.exit_code}", *(line[:200] for line in said[-5:])]
    if not said and ended.exit_code == 255:
        return LinkError(f"lost {where} while starting the agent", details=details)
    return DeviceError(
        f"the agent cannot be started on {where}",
        details=details,
        hints=("Python 3.6 or later has to run there: python3 --version",),
    )
