"""The board as Linux shows it in /proc and /sys.

Everything is read below ROOT, so that tests can show another board's files.
"""

import os

ROOT = "/"


def at(path):
    """Where an absolute path of the board really is."""
    return path if ROOT == "/" else ROOT.rstrip("/") + path


def read_text(path, limit_bytes=65536):
    """What a file of the board says, without white space and NULs around it; None if nothing."""
    try:
        with open(at(path), "rb") as stream:
            text = stream.read(limit_bytes).decode("utf-8", "replace").strip(" \t\r\n\0")
    except (OSError, ValueError):
        return None
    return text or None


def number_in(text):
    """A whole number that is all of a text; None for anything else."""
    try:
        return int(text)
    except (TypeError, ValueError):
        return None


def read_number(path):
    """The whole number that a file of the board says; None where there is none."""
    return number_in(read_text(path, 64))


def names(folder):
    """What a folder of the board holds, sorted; nothing where there is none."""
    return names_in(at(folder))


def names_in(folder):
    """What a folder holds, sorted; nothing where there is none."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def boot_id():
    """Differs after every boot; None where the kernel does not say."""
    return read_text("/proc/sys/kernel/random/boot_id")


def processes_of(name, value):
    """Process ids whose environment has this variable; our own left out."""
    wanted = "{}={}".format(name, value).encode()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid() and wanted in _environment(entry):
            found.append(int(entry))
    return found


def _environment(pid):
    try:
        with open("/proc/{}/environ".format(pid), "rb") as stream:
            return stream.read().split(b"\0")
    except OSError:
        return []
