"""One timing at a time on a board: whoever times holds a lock, and its file says who.

The lock belongs to open files, not to a name in a list: it is free as soon as the last process
that holds it has ended, however it ended.
"""

import os

import clock
import files
import store
from refusal import Refused

LOCK = "locks/timing.lock"
HOLDER = "locks/timing.json"

_held = {}  # "lock": the open file, while this session has the board to itself


def reserve(root, by=""):
    """The verb `reserve`: have the board for this session until `unreserve` or its end."""
    if "lock" not in _held:
        _held["lock"] = take(root, {"by": by})
    return {"reserved": True}


def release(root):
    """The verb `unreserve`; a run that started meanwhile keeps the board until it ends."""
    if "lock" in _held:
        os.close(_held.pop("lock"))
    return {"reserved": False}


def for_run(root, run, by):
    """An open file with the lock, for a run's process to inherit; this session's, if it has it."""
    if "lock" in _held:
        return os.dup(_held["lock"])
    return take(root, {"by": by, "run": run})


def take(root, holder):
    """The lock. Raises: Refused, saying who has it."""
    lock = try_take(root)
    if lock is None:
        raise Refused("busy", "it is timing something else: {}".format(_who(root)))
    files.write_json(os.path.join(root, HOLDER), dict(holder, since_ns=clock.monotonic_ns()))
    return lock


def try_take(root):
    """The lock, None where another has it."""
    path = os.path.join(root, LOCK)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return store.try_lock(path)


def _who(root):
    """For people: who holds the lock."""
    holder = files.read_json(os.path.join(root, HOLDER)) or {}
    parts = [str(holder["by"])] if holder.get("by") else ["somebody"]
    if holder.get("run"):
        parts.append("run {}".format(holder["run"]))
    if isinstance(holder.get("since_ns"), int):
        parts.append("for {:.0f} s".format((clock.monotonic_ns() - holder["since_ns"]) / 1e9))
    return ", ".join(parts)
