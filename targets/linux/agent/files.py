"""Files below the root: where they are, what they hash to, and writing them whole."""

import json
import os
import tempfile

import store
from refusal import Refused


def inside(root, path):
    """The absolute path of one below the root. Raises: Refused for any that leads elsewhere."""
    usable = isinstance(path, str) and "\0" not in path
    found = os.path.realpath(os.path.join(root, path)) if usable else ""
    if not found.startswith(os.path.realpath(root) + os.sep):
        raise Refused("path", "{!r} does not lie in edgetool's folder".format(path))
    return found


def hash_files(root, paths):
    """The verb `hash`: sha256 of regular files below the root, None for what is none."""
    return {"sha256": [store.sha256_of(inside(root, path)) for path in paths]}


def read_json(path):
    """An object of JSON from a file, None where there is none or it is none."""
    try:
        with open(path, "rb") as stream:
            content = json.loads(stream.read().decode("utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_json(path, content):
    """Write an object in one step: after a crash there is the old one or the new one."""
    handle, aside = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "w") as stream:
            json.dump(content, stream, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
