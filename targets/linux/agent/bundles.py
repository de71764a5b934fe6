"""The agent's own files on the board: the one that runs, and the last few of other hosts."""

import os
import re

FOLDER = "agent"
KEPT = 3
NAME = re.compile(r"[0-9a-f]{16}\.pyz(\.[0-9a-f]{16}\.part)?")


def tidy(root, own):
    """Remove agents that were not used lately. A run has its own copy of the one it began with."""
    try:
        os.utime(own, None)  # the time of the last use is what counts
        folder = os.path.join(root, FOLDER)
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if NAME.fullmatch(name)]
        paths.sort(key=lambda path: os.stat(path).st_mtime)
        for path in paths[:-KEPT]:
            os.unlink(path)
    except OSError:
        pass  # another session tidies at the same time, or the disk cannot be written
