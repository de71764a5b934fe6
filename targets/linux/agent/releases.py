"""Releases on the device: names that point at artifacts of the store, switched in one step.

    releases/<name>/current   → ../../store/<sha256>, swapped by rename
    releases/<name>/previous  what was current before
    releases/<name>/history.jsonl

Every function here is a verb: it takes the root folder and the request's arguments and returns
what is answered. What changes anything does so under one lock.
"""

import contextlib
import errno
import json
import os
import platform
import re
import time

import files
import runs
import store
import trust
from refusal import Refused

RELEASES = "releases"
CURRENT = "current"
PREVIOUS = "previous"
HISTORY = "history.jsonl"
LOCK = "locks/releases.lock"
LOCK_WAIT_S = 60
STALE_S = 24 * 3600
HISTORY_SHOWN = 20
HISTORY_READ_BYTES = 1 << 16
ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

_slots = {}  # folder of incoming/ → its Slot: held from preflight to install


def preflight(root, manifest, release, reserve=True):
    """What a deployment would meet: what to send and where to, room, machine, trust.

    reserve: keep a folder for what will be sent, where anything has to be.
    """
    wanted = store.Manifest(manifest)
    _check_writable(root)
    name = _checked(release)
    lacks = store.lacking(root, wanted)
    room = os.statvfs(root)
    return {
        "lacks": lacks,
        "incoming": _slot(root, wanted, None).name if lacks and reserve else None,
        "free_bytes": room.f_bavail * room.f_frsize,
        "current": _pointed_at(root, name, CURRENT),
        "machine": platform.machine(),
        "check": trust.state(root),
    }


def install(root, manifest, release, incoming=None, signature=None, packed=None, by=""):
    """Make an artifact whole in the store and current under a name.

    incoming: as preflight on this connection said.   by: who deploys.
    Raises: Refused, OSError: then nothing has changed.
    """
    wanted, name = store.Manifest(manifest), _checked(release)
    checked = trust.check(root, manifest, signature)
    added = not store.is_whole(root, wanted)
    slot = _slot(root, wanted, incoming) if added or incoming else None
    tree = store.put(root, wanted, signature, slot, packed) if added else None
    with locked(root):
        if tree is not None and not store.is_whole(root, wanted):
            store.move_in(root, wanted, tree)
        before = _switch(root, name, wanted.artifact, "deploy", by)
    if slot is not None:
        _slots.pop(slot.name).clear()
    return {"artifact": wanted.artifact, "added": added, "previous": before, "check": checked}


def rollback(root, release, artifact=None, by=""):
    """Make current what was before, or an artifact of the store by its sha256."""
    name = _checked(release)
    with locked(root):
        wanted = artifact or _pointed_at(root, name, PREVIOUS)
        if wanted is None or wanted == _pointed_at(root, name, CURRENT):
            raise Refused("no-release", f"{name} has no release before the current one")
        if wanted not in store.stored(root):
            raise Refused("no-release", f"{wanted[:16]} is not in the store any more")
        manifest, signature = store.stored_manifest(root, wanted)
        if not store.is_whole(root, manifest):
            raise Refused("damaged", f"{wanted[:16]} in the store is damaged")
        checked = trust.check(root, manifest.text, signature)
        before = _switch(root, name, wanted, "rollback", by)
    return {"release": name, "artifact": wanted, "previous": before, "check": checked}


def deployments(root):
    """Every release, and what the store holds."""
    releases = []
    for name in _names(root):
        releases.append(
            {
                "release": name,
                "current": _pointed_at(root, name, CURRENT),
                "previous": _pointed_at(root, name, PREVIOUS),
                "history": _history(root, name)[-HISTORY_SHOWN:],
            }
        )
    used = _in_use(root)
    sizes = [
        {"artifact": artifact, "bytes": store.size_of(root, artifact), "in_use": artifact in used}
        for artifact in store.stored(root)
    ]
    return {"releases": releases, "store": sizes, "keys": trust.keys(root)}


def collect(root, keep=1):
    """Remove artifacts that nothing needs: not current, not previous, not among the `keep`
    newest of a release, not in a run; and what deployments that ended early left behind."""
    with locked(root):
        kept = _needed(root, keep)
        removed = []
        for artifact in store.stored(root):
            if artifact not in kept:
                size = store.size_of(root, artifact)
                store.drop(root, artifact)
                removed.append({"artifact": artifact, "bytes": size})
        swept = store.sweep(root, STALE_S, time.time())
    return {"removed": removed, "swept_bytes": swept, "kept": sorted(kept)}


def change_trust(root, key, revoke=False):
    """Trust a key for releases, or trust it no longer."""
    _check_writable(root)
    with locked(root):
        return {"keys": trust.change(root, key, revoke), "check": trust.state(root)}


@contextlib.contextmanager
def locked(root):
    """Alone with the releases; another's change is waited for."""
    path = os.path.join(root, LOCK)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    until = time.monotonic() + LOCK_WAIT_S
    lock = store.try_lock(path)
    while lock is None:
        if time.monotonic() > until:
            raise Refused("busy", f"another host is changing releases, for {LOCK_WAIT_S} s")
        time.sleep(0.02)
        lock = store.try_lock(path)
    try:
        yield
    finally:
        os.close(lock)


def _slot(root, wanted, incoming):
    """The folder of incoming/ that this connection holds under a name, or a new one."""
    if incoming is None:
        slot = store.Slot(root, wanted.artifact)
        _slots[slot.name] = slot
        return slot
    if incoming not in _slots:
        raise Refused("incomplete", "what was sent belongs to another connection: deploy again")
    return _slots[incoming]


def _check_writable(root):
    os.makedirs(root, mode=0o700, exist_ok=True)
    if os.statvfs(root).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), root)
    if not os.access(root, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), root)


def _checked(release):
    if not isinstance(release, str) or not ID.fullmatch(release):
        raise Refused("name", f"a release cannot be called {release!r}")
    return release


def _folder(root, name):
    return os.path.join(root, RELEASES, name)


def _names(root):
    try:
        found = os.listdir(os.path.join(root, RELEASES))
    except FileNotFoundError:
        return []
    return sorted(name for name in found if ID.fullmatch(name))


def _pointed_at(root, name, link):
    """sha256 of the artifact that current or previous is, None where it is none of the store's."""
    try:
        target = os.readlink(os.path.join(_folder(root, name), link))
    except OSError:
        return None
    sha256 = os.path.basename(target)
    known = target == _target(sha256) and store.SHA256.fullmatch(sha256)
    return sha256 if known and os.path.isdir(os.path.join(root, store.STORE, sha256)) else None


def _target(artifact):
    return f"../../{store.STORE}/{artifact}"


def _switch(root, name, artifact, done, by):
    """Point a release at an artifact; what was current before."""
    folder = _folder(root, name)
    os.makedirs(folder, exist_ok=True)
    before = _pointed_at(root, name, CURRENT)
    for link in (CURRENT, PREVIOUS):
        _refuse_other(os.path.join(folder, link))
    if before == artifact:
        return before
    if before is not None:
        _link(folder, PREVIOUS, before)  # first: whatever comes now, there is a way back
    _link(folder, CURRENT, artifact)
    store.sync_folder(folder)
    _remember(folder, {"do": done, "artifact": artifact, "previous": before, "by": by})
    return before


def _refuse_other(path):
    if os.path.lexists(path) and not os.path.islink(path):
        raise Refused("in-the-way", f"{path} is not a link that edgetool made")


def _link(folder, link, artifact):
    aside = os.path.join(folder, f".{link}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(aside)
    os.symlink(_target(artifact), aside)
    os.rename(aside, os.path.join(folder, link))


def _remember(folder, entry):
    entry["at"] = time.time()
    with open(os.path.join(folder, HISTORY), "a") as stream:
        stream.write(json.dumps(entry, sort_keys=True) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _history(root, name):
    """What happened to a release, oldest first; a line that was cut off is left out."""
    try:
        with open(os.path.join(_folder(root, name), HISTORY), "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - HISTORY_READ_BYTES))
            lines = stream.read().splitlines()
    except OSError:
        return []
    return [entry for entry in map(_entry, lines) if entry is not None]


def _entry(line):
    try:
        entry = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _needed(root, keep):
    needed = _in_use(root)
    for name in _names(root):
        needed |= {_pointed_at(root, name, link) for link in (CURRENT, PREVIOUS)}
        newest = [entry.get("artifact") for entry in reversed(_history(root, name))]
        distinct = sorted(set(newest), key=newest.index)
        needed |= set(distinct[:keep])
    return {artifact for artifact in needed if artifact in set(store.stored(root))}


def _in_use(root):
    """Artifacts that the job of a run which is not over names."""
    jobs = [
        files.read_json(os.path.join(runs.folder_of(root, r), runs.JOB))
        for r in runs.unfinished(root)
    ]
    text = json.dumps(jobs)
    return {artifact for artifact in store.stored(root) if artifact in text}
