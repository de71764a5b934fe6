"""What a device's file system said no to, told apart by what its commands wrote."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.errors import DeviceError, NoSpaceError, NotPermittedError

LINES_SHOWN = 3

# What the C library says, with LC_ALL=C → error, sentence, what to try.
_SAID: tuple[tuple[str, type[DeviceError], str, str], ...] = (
    ("No space left", NoSpaceError, "the disk is full", "free space there"),
    ("quota exceeded", NoSpaceError, "the user's disk quota is used up", "free space there"),
    ("File too large", NoSpaceError, "the file is larger than may be there", "see ulimit -f there"),
    (
        "Read-only file system",
        NotPermittedError,
        "its file system is read-only",
        "another folder, or remount it; an SD card that fails turns read-only (see dmesg there)",
    ),
    (
        "Permission denied",
        NotPermittedError,
        "the user has no permission",
        "another folder or another user, or chown it there",
    ),
    (
        "Operation not permitted",
        NotPermittedError,
        "the user has no permission",
        "another folder or another user, or chown it there",
    ),
)


def refusal(doing: str, where: str, said: Sequence[str]) -> DeviceError:
    """The error for what a device would not do.

    doing: "write 'x'".   said: lines of standard error.
    """
    shown = tuple(said[-LINES_SHOWN:])
    text = "\n".join(said)
    for sign, kind, sentence, hint in _SAID:
        if sign in text:
            message = f"cannot {doing} on {where}: {sentence}"
            return kind(message, details=shown, hints=(hint,))
    return DeviceError(f"cannot {doing} on {where}", details=shown)
