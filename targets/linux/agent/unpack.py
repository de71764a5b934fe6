"""Python packages that the host pushed as one zip, unpacked into a folder of their own."""

import os
import re
import zipfile

import store
from pushed import NAME
from refusal import Refused

PYTHON = "python"
FOLDER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
LARGEST_BYTES = 1 << 30


def unpack(root, archive, name):
    """The verb `unpack`: the folder python/<name>, complete or not there; the archive is gone."""
    if not isinstance(name, str) or not FOLDER_NAME.fullmatch(name):
        raise Refused("name", "packages cannot be called {!r}".format(name))
    if not isinstance(archive, str) or not NAME.fullmatch(archive):
        raise Refused("path", "{!r} is no pushed file".format(archive))
    folder = os.path.join(root, PYTHON, name)
    source = os.path.join(root, archive)
    if not os.path.isdir(folder):
        aside = os.path.join(root, PYTHON, ".new-{}-{}".format(name, os.getpid()))
        try:
            extract(source, aside)
            os.rename(aside, folder)
        finally:
            if os.path.isdir(aside):
                store.remove_tree(aside)
    os.unlink(source)
    return {"folder": PYTHON + "/" + name}


def extract(source, folder):
    """Every file below the folder. zipfile keeps names from leading out of it."""
    try:
        with zipfile.ZipFile(source) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            free = os.statvfs(os.path.dirname(source))
            if size > min(LARGEST_BYTES, free.f_bavail * free.f_frsize):
                raise Refused("no-space", "the packages take {} bytes".format(size))
            os.makedirs(folder, mode=0o700)
            archive.extractall(folder)
    except zipfile.BadZipFile as error:
        raise Refused("archive", "the packages are damaged: {}".format(error)) from None
