"""What the agent refuses, in words with what to try."""

from __future__ import annotations

from edgetool.agent.messages import Refusal
from edgetool.errors import DeviceError, NoSpaceError, NotPermittedError, RefusedError

HINTS = {
    "busy": "wait until it is free; the host that measures there can stop its run with Ctrl-C",
    "no-space": "free some disk there; edgetool deployments collect removes what nothing needs",
    "permission": "check who owns edgetool's folder on the device, or devices add … --root DIR",
    "no-rights": "let this user run sudo without a password there, or measure without locking",
    "not-there": "measure without locking clocks",
    "not-set": "set it by hand there, then measure without locking",
    "read-only": "the file system there is mounted read-only: check it, then mount it read-write",
    "internal": "this is a bug of edgetool's agent: please report it with the lines above",
    "unknown-verb": "this is a bug of edgetool: please report it",
    "unknown-kind": "this is a bug of edgetool: please report it",
    "arguments": "this is a bug of edgetool: please report it",
}


ERRORS = {
    "no-space": NoSpaceError,
    "permission": NotPermittedError,
    "read-only": NotPermittedError,
}


def refused(where: str, verb: str, refusal: Refusal) -> DeviceError:
    """The error for a refusal: NoSpaceError, NotPermittedError, else a RefusedError."""
    first, _, rest = refusal.message.partition("\n")
    hint = HINTS.get(refusal.kind)
    if refusal.kind == "internal":
        first, rest = f"the agent failed at {verb}", refusal.message
    message, details = f"{where}: {first}", rest.strip().splitlines()
    hints = () if hint is None else (hint,)
    if refusal.kind in ERRORS:
        return ERRORS[refusal.kind](message, details=details, hints=hints)
    return RefusedError(message, reason=refusal.kind, details=details, hints=hints)
