"""Every exception edgetool raises on purpose.

EdgetoolError                     exit code
├── UsageError                    2   the command line, the data or a file the user named
│   ├── PackError                 2   a target, model, profile or device description
│   ├── DataError                 2   calibration or evaluation data
│   ├── OutputExistsError         2   an output that is in the way
│   └── MissingToolError          2   a compiler, emulator or extra that is not installed
├── ModelError                    3   the model cannot be compiled, or does not fit
│   ├── ModelFormatError          3   bytes that are not a valid model
│   ├── UnsupportedOperatorError  3   an operator the target or the lowering lacks
│   ├── QuantizationError         3   numbers that cannot be quantized
│   ├── DoesNotFitError           3   more RAM or flash than the target has
│   └── CompilerError             3   the C compiler refused generated code
├── DeviceError                   4   a device, a link, a meter, an emulator run
│   ├── LinkError                 4   the link to a device: try again and nothing is lost
│   ├── HostKeyError              4   a device that is not the one that was enrolled
│   ├── AuthenticationError       4   a device that does not let the user in
│   ├── RefusedError              4   what the agent on a device will not or cannot do
│   ├── ProtocolError             4   an answer that no device of ours gives
│   ├── NoPythonError             4   a device without what runs edgetool's agent
│   ├── NoSpaceError              4   a device's disk or quota is full
│   └── NotPermittedError         4   a device's file system says no: rights, read-only
└── CheckError                    5   verification, accuracy floor, comparison limit
Anything else is our bug: exit code 70.
"""

from __future__ import annotations

from collections.abc import Sequence


class EdgetoolError(Exception):
    """An error a user can act on: what went wrong, details, and what to try.

    message: one sentence with the name of the thing and the number.
    details: further facts, one line each ("looked in: …").
    hints: what to try, one line each, printed after "try:".
    """

    exit_code = 70
    kind = "error"

    def __init__(
        self, message: str, *, details: Sequence[str] = (), hints: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.hints = tuple(hints)

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  {detail}" for detail in self.details]
        lines += [f"  try: {hint}" for hint in self.hints]
        return "\n".join(lines)


class UsageError(EdgetoolError):
    """The command line, or a file it names, cannot be used."""

    exit_code = 2
    kind = "usage"


class PackError(UsageError):
    """A description of a target, model, profile or device is missing or wrong."""

    kind = "pack"


class DataError(UsageError):
    """Calibration or evaluation data do not fit the model, or are not there."""

    kind = "data"


class OutputExistsError(UsageError):
    """Something is already where the output should go."""

    kind = "output-exists"


class MissingToolError(UsageError):
    """A compiler, an emulator or a Python extra is not installed."""

    kind = "missing-tool"


class ModelError(EdgetoolError):
    """The model cannot be compiled."""

    exit_code = 3
    kind = "model"


class ModelFormatError(ModelError):
    """The bytes are not a model that edgetool reads."""

    kind = "model-format"


class UnsupportedOperatorError(ModelError):
    """The model uses an operator, or a form of it, that cannot be lowered or run."""

    kind = "unsupported-operator"


class QuantizationError(ModelError):
    """Weights or activations cannot be quantized."""

    kind = "quantization"


class DoesNotFitError(ModelError):
    """The model needs more RAM or flash than the target has."""

    kind = "does-not-fit"


class CompilerError(ModelError):
    """The C compiler or linker refused what it was given."""

    kind = "compiler"


class DeviceError(EdgetoolError):
    """A device, a link, a meter or an emulator failed."""

    exit_code = 4
    kind = "device"


class LinkError(DeviceError):
    """The link to a device was lost or never came up; trying again is safe."""

    kind = "link"


class HostKeyError(DeviceError):
    """A device shows another host key than the one that was pinned."""

    kind = "host-key"


class AuthenticationError(DeviceError):
    """A device does not let the user in."""

    kind = "authentication"


class RefusedError(DeviceError):
    """The agent on a device will not or cannot do what was asked.

    reason: its word for why ("busy", "no-space", "permission", "no-run" …).
    """

    kind = "refused"

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        details: Sequence[str] = (),
        hints: Sequence[str] = (),
    ) -> None:
        super().__init__(message, details=details, hints=hints)
        self.reason = reason


class ProtocolError(DeviceError):
    """A device answered what its side of a protocol never says."""

    kind = "protocol"


class NoPythonError(DeviceError):
    """A device has no Python to run edgetool's agent with."""

    kind = "no-python"


class NoSpaceError(DeviceError):
    """A device's disk, or the user's quota of it, is full."""

    kind = "no-space"


class NotPermittedError(DeviceError):
    """A file on a device may not be read or written: its rights, or read-only media."""

    kind = "not-permitted"


class CheckError(EdgetoolError):
    """A check did not hold: verification, accuracy floor or comparison limit."""

    exit_code = 5
    kind = "check"
