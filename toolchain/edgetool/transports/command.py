"""Run a command over a channel to its end."""

from __future__ import annotations

import contextlib
import shlex
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edgetool.errors import LinkError, ProtocolError
from edgetool.transports.transport import EXIT_UNKNOWN, OUTPUT_LIMIT_BYTES, Channel, Completed

if TYPE_CHECKING:
    from edgetool.transports.transport import Transport

PIECE_BYTES = 64 * 1024
SHOWN = 60


def run_command(
    transport: Transport, command: Sequence[str], stdin: bytes, timeout_s: float
) -> Completed:
    """See Transport.run."""
    deadline = time.monotonic() + timeout_s
    with transport.start(command) as channel:
        feeder = threading.Thread(target=_feed, args=(channel, stdin), daemon=True)
        feeder.start()  # a program may write much before it reads all
        try:
            output = _read_all(channel, deadline, transport.where)
        except LinkError as error:
            if time.monotonic() < deadline:
                raise
            raise _too_slow(command, transport.where, timeout_s) from error
    done = replace(channel.close(), stdout=output)
    if done.exit_code == EXIT_UNKNOWN:
        raise LinkError(
            f"lost the link to {transport.where} during '{shorten(command)}'",
            details=tuple(done.stderr.decode("utf-8", "replace").splitlines()[-3:]),
            hints=("check the network and the device's power, then run it again",),
        )
    return done


def shorten(command: Sequence[str]) -> str:
    """A command as a user would type it, its first line and no more than fits on one."""
    text = shlex.join(command).split("\n")[0]
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _feed(channel: Channel, stdin: bytes) -> None:
    with contextlib.suppress(LinkError):  # a program need not read its input
        if stdin:
            channel.send(stdin)
    channel.end_input()


def _read_all(channel: Channel, deadline: float, where: str) -> bytes:
    output = bytearray()
    while data := channel.read(PIECE_BYTES, max(0.0, deadline - time.monotonic())):
        output += data
        if len(output) > OUTPUT_LIMIT_BYTES:
            raise ProtocolError(f"{where} answered more than {OUTPUT_LIMIT_BYTES} bytes")
    return bytes(output)


def _too_slow(command: Sequence[str], where: str, timeout_s: float) -> LinkError:
    return LinkError(
        f"{where} did not finish '{shorten(command)}' within {timeout_s:g} s",
        hints=("see whether the device is up and not overloaded, then run it again",),
    )
