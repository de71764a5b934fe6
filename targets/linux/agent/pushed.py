"""Files that the host pushes for one job: models that are not deployed, and inputs.

files/<sha256>
"""

import contextlib
import os
import re
import time

FOLDER = "files"
NAME = re.compile(r"files/[0-9a-f]{64}")
STALE_S = 24 * 3600


def discard(root, paths):
    """The verb `discard`: remove these, and what others have left behind for a day."""
    removed = [path for path in paths if isinstance(path, str) and NAME.fullmatch(path)]
    for path in removed + stale(root):
        with contextlib.suppress(OSError):  # somebody else may be faster
            os.unlink(os.path.join(root, path))
    return {"removed": removed}


def stale(root):
    """Files that nobody has touched for a day."""
    folder = os.path.join(root, FOLDER)
    found = []
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if time.time() - os.lstat(path).st_mtime > STALE_S and os.path.isfile(path):
            found.append(os.path.join(FOLDER, name))
    return found
