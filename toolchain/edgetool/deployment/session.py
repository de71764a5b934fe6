"""A device's link and the agent on it, for as long as something is done with its releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edgetool.agent import AgentClient
from edgetool.devices import Device, connect
from edgetool.errors import RefusedError
from edgetool.transports.transport import Transport

HINTS = {
    "signature": (
        "edgetool devices trust {name} from a machine that is to deploy to it",
        "sign and deploy again what was signed with a key that is trusted no longer",
    ),
    "no-release": ("edgetool deployments list --device {name}",),
    "in-the-way": ("look at what it is, on the device, and move it away",),
    "damaged": ("deploy it again: what is damaged is sent anew",),
    "incomplete": ("deploy again",),
}
ANSWER_TIMEOUT_S = 600.0  # a slow card hashes some MB a second, and another host may be first


@dataclass(frozen=True)
class Session:
    """An open link with an agent that answers."""

    device: Device
    transport: Transport
    agent: AgentClient

    def call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask the agent. Raises: LinkError, RefusedError, ProtocolError."""
        try:
            return self.agent.call(verb, timeout_s=ANSWER_TIMEOUT_S, **arguments)
        except RefusedError as error:
            raise self._in_words(error) from error

    def _in_words(self, error: RefusedError) -> RefusedError:
        """A refusal with what can be done about it here."""
        hints = [hint.format(name=self.device.name) for hint in HINTS.get(error.reason, ())]
        message = f"'{self.device.name}' refuses: {error.message.partition(': ')[2]}"
        details = error.details
        return RefusedError(
            message, reason=error.reason, details=details, hints=hints or error.hints
        )


@contextmanager
def open_session(device: Device) -> Iterator[Session]:
    """Connect to a device and start the agent there. Raises: DeviceError and its kin."""
    with connect(device) as transport, AgentClient(transport, device.root) as agent:
        yield Session(device, transport, agent)
