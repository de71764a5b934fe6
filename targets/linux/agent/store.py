"""Artifacts on the device by their content: each below store/<sha256>, complete or absent.

    store/<sha256>/           the artifact's files, read-only, and what was deployed with them:
        .release.json         every file's sha256 and size; what is signed
        .release.sig          its signature, where there is one
    incoming/<sha16>.<n>/     a deployment under way: what was uploaded, and the folder that grows

An artifact's name is the sha256 of its manifest.json.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import time

from refusal import Refused

STORE = "store"
INCOMING = "incoming"
MANIFEST = ".release.json"
SIGNATURE = ".release.sig"
IDENTITY = "manifest.json"  # the file of an artifact whose sha256 names it
SHA256 = re.compile(r"[0-9a-f]{64}")
SLOTS = 16
ENDING_S = 0.5
LARGEST_MANIFEST_BYTES = 1 << 20
_CHUNK = 1 << 20


class Manifest:
    """What a deployment consists of.   files: relative path → (sha256, size in bytes)."""

    def __init__(self, text):
        self.text = text
        self.files = _files_in(text)
        if IDENTITY not in self.files:
            raise Refused("manifest", "the manifest names no " + IDENTITY)
        self.artifact = self.files[IDENTITY][0]


def _files_in(text):
    try:
        files = json.loads(text)["files"]
        found = {path: (str(entry["sha256"]), int(entry["size"])) for path, entry in files.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused("manifest", f"the manifest of a release is not one: {error}") from None
    for path, (sha256, size) in found.items():
        if not is_inside(path) or not SHA256.fullmatch(sha256) or size < 0:
            raise Refused("manifest", f"the manifest has an entry that cannot be: {path!r}")
    return found


def is_inside(path):
    """Whether a file of this name lies in its artifact's folder, and is none of ours there."""
    parts = path.split("/")
    return path.isprintable() and not any(p in ("", ".", "..") for p in parts) and path[0] != "."


def lacking(root, manifest):
    """sha256 of files that are nowhere in the store: what has to be sent."""
    if is_whole(root, manifest):
        return []
    known = _known_files(root)
    wanted = {sha256 for sha256, _ in manifest.files.values()}
    return sorted(sha256 for sha256 in wanted if _intact(known.get(sha256), sha256) is None)


def is_whole(root, manifest):
    """Whether the artifact is there with the content that its manifest says, to the last bit."""
    folder = os.path.join(root, STORE, manifest.artifact)
    return all(
        _intact(os.path.join(folder, path), sha256) for path, (sha256, _) in manifest.files.items()
    )


def stored(root):
    """sha256 of every artifact in the store."""
    names = _names_in(os.path.join(root, STORE))
    return sorted(name for name in names if SHA256.fullmatch(name))


def stored_manifest(root, artifact):
    """(manifest, signature or None) that an artifact was deployed with. Raises: Refused."""
    folder = os.path.join(root, STORE, artifact)
    try:
        text = _text_of(os.path.join(folder, MANIFEST))
    except (OSError, ValueError):
        raise Refused("damaged", f"{artifact[:16]} in the store has lost its manifest") from None
    manifest = Manifest(text)
    if manifest.artifact != artifact:
        raise Refused("damaged", f"{artifact[:16]} in the store has another's manifest")
    try:
        return manifest, _text_of(os.path.join(folder, SIGNATURE))
    except (OSError, ValueError):
        return manifest, None


class Slot:
    """A folder of incoming/ that only this process fills, until it ends or lets go."""

    def __init__(self, root, artifact):
        os.makedirs(os.path.join(root, INCOMING), exist_ok=True)
        for number in range(SLOTS):
            self.name = f"{INCOMING}/{artifact[:16]}.{number}"
            self.folder = os.path.join(root, self.name)
            take = try_lock if number else _lock_soon
            self._lock = take(self.folder + ".lock")
            if self._lock is not None:
                os.makedirs(self.folder, exist_ok=True)
                return
        raise Refused("busy", f"{SLOTS} deployments of this artifact are under way here")

    def clear(self):
        """Remove what was uploaded, and let go."""
        remove_tree(self.folder)
        os.unlink(self.folder + ".lock")
        self.release()

    def release(self):
        """Let others have the folder; a later deployment takes up what is in it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def put(root, manifest, signature, slot, packed):
    """Make the artifact's folder out of what was uploaded and what is here, and move it in.

    packed: None, or {"file": name in the slot, "files": [sha256 …]}: small files end to end.
    Every file is hashed as it is written. Raises: Refused, OSError; the store is then as before.
    """
    tree = os.path.join(slot.folder, "tree")
    remove_tree(tree)
    os.makedirs(tree)
    sources = _sources(root, manifest, slot, packed)
    for path, (sha256, size) in sorted(manifest.files.items()):
        _place(sources, sha256, size, os.path.join(tree, path))
    _write(os.path.join(tree, MANIFEST), manifest.text.encode("utf-8"))
    if signature is not None:
        _write(os.path.join(tree, SIGNATURE), signature.encode("utf-8"))
    _sync_folders(tree)
    return tree


def move_in(root, manifest, tree):
    """Rename a finished folder to its name in the store; what is damaged there goes first."""
    target = os.path.join(root, STORE, manifest.artifact)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.lexists(target):
        remove_tree(_aside(root, target))
    os.rename(tree, target)
    sync_folder(os.path.dirname(target))


def drop(root, artifact):
    """Remove an artifact: it is absent at once, its bytes a moment later."""
    remove_tree(_aside(root, os.path.join(root, STORE, artifact)))


def size_of(root, artifact):
    """Bytes that an artifact takes in the store."""
    total = 0
    for folder, _, files in os.walk(os.path.join(root, STORE, artifact)):
        total += sum(os.lstat(os.path.join(folder, name)).st_size for name in files)
    return total


def sweep(root, older_than_s, now):
    """Remove what deployments that ended early have left in incoming/; the bytes freed."""
    freed = 0
    incoming = os.path.join(root, INCOMING)
    for name in _names_in(incoming):
        path = os.path.join(incoming, name)
        if name.endswith(".lock") or now - _changed_at(path, now) < older_than_s:
            continue
        lock = try_lock(path + ".lock")
        if lock is not None:
            freed += _bytes_below(path)
            remove_tree(path)
            os.unlink(path + ".lock")
            os.close(lock)
    return freed


def _changed_at(path, now):
    """When a folder changed; now where it has gone meanwhile."""
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return now


# --- files and folders ----------------------------------------------------------------------------


def sha256_of(path):
    """In hexadecimal, of a regular file; None for anything else, links included."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with open(handle, "rb") as stream:
        digest = hashlib.sha256()
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def sync_folder(folder):
    """Make names in a folder last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def try_lock(path):
    """An open file that holds the lock of this name, None where another has it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if _is_still(handle, path):
            return handle
        os.close(handle)  # whoever had it has removed the file: this lock keeps nobody out


def _lock_soon(path):
    """As try_lock; a session whose link was lost a moment ago is given a moment to end."""
    until = time.monotonic() + ENDING_S
    lock = try_lock(path)
    while lock is None and time.monotonic() < until:
        time.sleep(0.02)
        lock = try_lock(path)
    return lock


def _is_still(handle, path):
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def remove_tree(path):
    """Remove a folder with what is in it, read-only folders too; links are not followed."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
        return
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o700)
    if os.path.lexists(path):
        shutil.rmtree(path)


def _aside(root, path):
    """Rename to a name in incoming/, so that it is gone from where it was in one step."""
    os.makedirs(os.path.join(root, INCOMING), exist_ok=True)
    away = os.path.join(root, INCOMING, f"dropped-{os.path.basename(path)}-{os.getpid()}")
    remove_tree(away)
    os.rename(path, away)
    return away


def _known_files(root):
    """sha256 → a path in the store where such a file should be."""
    found = {}
    for artifact in stored(root):
        try:
            manifest, _ = stored_manifest(root, artifact)
        except Refused:
            continue
        folder = os.path.join(root, STORE, artifact)
        for path, (sha256, _) in manifest.files.items():
            found.setdefault(sha256, os.path.join(folder, path))
    return found


def _intact(path, sha256):
    return path if path is not None and sha256_of(path) == sha256 else None


def _sources(root, manifest, slot, packed):
    """sha256 → (path, offset or None for the whole file): where each file's bytes are."""
    sizes = dict(manifest.files.values())
    found = {sha256: (path, None) for sha256, path in _known_files(root).items()}
    found.update({s: (os.path.join(slot.folder, s), None) for s in _names_in(slot.folder)})
    offset = 0
    for sha256 in packed["files"] if packed else ():
        if sha256 not in sizes or not is_inside(packed["file"]):
            raise Refused("manifest", "what was sent is not what the manifest names")
        found[sha256] = (os.path.join(slot.folder, packed["file"]), offset)
        offset += sizes[sha256]
    return found


def _place(sources, sha256, size, target):
    """Put a file where it belongs and check that it is the one."""
    if sha256 not in sources:
        raise Refused("incomplete", f"a file of the release was not sent: {sha256[:16]}")
    path, offset = sources[sha256]
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if offset is None:
        os.link(path, target)  # no second copy of a model that may fill half the disk
        with open(target, "rb") as stream:
            _finish(stream)
    else:
        with open(path, "rb") as source:
            source.seek(offset)
            _write(target, source.read(size))
    if sha256_of(target) != sha256:
        raise Refused("damaged", f"{os.path.basename(target)} is not what was sent")


def _write(path, content):
    with open(path, "xb") as stream:
        stream.write(content)
        _finish(stream)


def _finish(stream):
    stream.flush()
    os.fchmod(stream.fileno(), 0o444)
    os.fsync(stream.fileno())


def _sync_folders(tree):
    for folder, _, _ in os.walk(tree, topdown=False):
        sync_folder(folder)


def _text_of(path):
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with open(handle, "rb") as stream:
        return stream.read(LARGEST_MANIFEST_BYTES).decode("utf-8")


def _names_in(folder):
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _bytes_below(path):
    total = 0
    for folder, _, files in os.walk(path):
        total += sum(os.lstat(os.path.join(folder, name)).st_size for name in files)
    return total
