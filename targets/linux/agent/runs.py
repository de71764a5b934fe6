"""Runs: jobs that go on when the link or the agent is gone.

    runs/<run>/job.json       what to do, as the host sent it
    runs/<run>/state.json     how it stands, replaced in one step
    runs/<run>/journal.jsonl  what it has measured
    runs/<run>/log            what the job's process wrote to standard error
    runs/<run>/alive          locked as long as the process that watches over the run lives
    runs/<run>/agent.pyz      the agent that started it
    runs/<run>/reserve        room to say how it ended on a disk that is full by then

A run whose state says that it goes on, and whose lock is free, has been killed or its board went
down; boot_id tells which.
"""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import time

import files
import registry
import reservation
import store
import system
from refusal import Refused

FOLDER = "runs"
STATE = "state.json"
JOB = "job.json"
LOG = "log"
ALIVE = "alive"
BUNDLE = "agent.pyz"
RESERVE = "reserve"
RESERVE_BYTES = 1 << 14
RUN_VARIABLE = "EDGETOOL_RUN"
ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
UNDER_WAY = ("starting", "running")
STOP_WAIT_S = 10.0
KEPT_RUNS = 64
KEPT_BYTES = 1 << 28


def start(root, run, job, by=""):
    """Start a job, or find that this very run was started before: asking twice is safe."""
    target = folder_of(root, run)
    module = registry.kind(job.get("kind") if isinstance(job, dict) else None)
    if os.path.lexists(target):
        return _started_before(target, run, job)
    exclusive = job.get("exclusive", getattr(module, "EXCLUSIVE", False))
    lock = reservation.for_run(root, run, by) if exclusive else None
    try:
        alive = _make(root, target, job)
        try:
            _spawn(root, run, target, alive, lock)
        finally:
            os.close(alive)
    finally:
        if lock is not None:
            os.close(lock)
    return {"run": run, "started": True}


def status(root, run):
    """The verb `status`: how a run stands."""
    return describe(_existing(root, run), run)


def stop(root, run):
    """The verb `stop`: end a run and wait until it has ended; how it stands then."""
    folder = _existing(root, run)
    until = time.monotonic() + STOP_WAIT_S
    while is_alive(folder) and time.monotonic() < until:
        _signal(describe(folder, run).get("pid"), signal.SIGTERM)
        time.sleep(0.05)
    if is_alive(folder):
        _end_processes(run)
    return describe(folder, run)


def list_runs(root):
    """The verb `runs`: every run, the newest last."""
    return {"runs": [describe(folder_of(root, run), run) for run in names(root)]}


def forget(root, run):
    """The verb `forget`: remove a run that is over; one that is not there is forgotten already."""
    folder = folder_of(root, run)
    if os.path.lexists(folder):
        if is_alive(folder):
            raise Refused("running", "run {} goes on: stop it first".format(run))
        _remove(root, run)
    return {"run": run}


def names(root):
    """Every run, by when its state changed last."""
    folder = os.path.join(root, FOLDER)
    try:
        found = [name for name in os.listdir(folder) if ID.match(name)]
    except OSError:
        return []
    return sorted(found, key=lambda name: (_changed(os.path.join(folder, name)), name))


def unfinished(root):
    """Runs that are under way."""
    found = [(run, describe(folder_of(root, run), run)) for run in names(root)]
    return [run for run, state in found if state["state"] in UNDER_WAY]


def tidy(root):
    """Note which runs have died, and remove the oldest that are over beyond what is kept."""
    over = [run for run in names(root) if run not in unfinished(root)]
    sizes = {run: _size(folder_of(root, run)) for run in over}
    for run in over:
        if len(sizes) > KEPT_RUNS or sum(sizes.values()) > KEPT_BYTES:
            _remove(root, run)
            del sizes[run]


def folder_of(root, run):
    """A run's folder. Raises: Refused for a name that no run has."""
    if not isinstance(run, str) or not ID.fullmatch(run):
        raise Refused("name", "a run cannot be called {!r}".format(run))
    return os.path.join(root, FOLDER, run)


def describe(folder, run):
    """state.json, put right where the run's processes are gone."""
    alive = is_alive(folder)  # asked first: a run that ends between the two has written its state
    state = files.read_json(os.path.join(folder, STATE)) or {"state": "died"}
    if state.get("state") in UNDER_WAY and not alive:
        same_boot = state.get("boot_id") == system.boot_id()
        state = dict(state, state="died" if same_boot else "rebooted")
        if same_boot:
            _end_processes(run)
        files.write_json(os.path.join(folder, STATE), state)
    return dict(state, run=run)


def is_alive(folder):
    """Whether the process that watches over a run lives, or is being started."""
    try:
        handle = os.open(os.path.join(folder, ALIVE), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _existing(root, run):
    folder = folder_of(root, run)
    if not os.path.isdir(folder):
        raise Refused("no-run", "there is no run {}".format(run))
    return folder


def _started_before(folder, run, job):
    if files.read_json(os.path.join(folder, JOB)) != job:
        raise Refused("run-exists", "there is another run {}".format(run))
    return {"run": run, "started": False}


def _make(root, target, job):
    """Make a run's folder, complete or not at all; its lock, held."""
    aside = os.path.join(root, FOLDER, ".new-{}-{}".format(os.path.basename(target), os.getpid()))
    store.remove_tree(aside)
    os.makedirs(aside, mode=0o700)
    files.write_json(os.path.join(aside, JOB), job)
    files.write_json(os.path.join(aside, STATE), {"state": "starting", "boot_id": system.boot_id()})
    _link(os.path.abspath(sys.argv[0]), os.path.join(aside, BUNDLE))
    with open(os.path.join(aside, RESERVE), "wb") as reserve:
        reserve.write(b"\xff" * RESERVE_BYTES)
    alive = store.try_lock(os.path.join(aside, ALIVE))
    os.rename(aside, target)
    return alive


def _link(source, target):
    """The run keeps the agent that it began with, whatever newer one comes."""
    try:
        os.link(source, target)
    except OSError:
        with open(source, "rb") as stream, open(target, "wb") as copy:
            copy.write(stream.read())


def command(root, run, role):
    """The command line of a run's process.   role: "--run" or "--job"."""
    bundle = os.path.join(folder_of(root, run), BUNDLE)
    options = ("--root", root, "--system-root", system.ROOT)
    return [sys.executable, bundle, role, run, *options]


def use_reserve(folder):
    """Give up the room that a run keeps for its end."""
    with contextlib.suppress(OSError):  # it is used already
        os.unlink(os.path.join(folder, RESERVE))


def _spawn(root, run, folder, alive, timing):
    """Start the process that watches over a run: a session of its own, nobody's terminal.

    alive, timing: open files whose locks it inherits; timing may be None.
    """
    locks = [lock for lock in (alive, timing) if lock is not None]
    options = () if timing is None else ("--timing-lock", str(timing))
    with open(os.path.join(folder, LOG), "ab") as log:
        subprocess.Popen(
            [*command(root, run, "--run"), *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=locks,
            start_new_session=True,
        )


def _end_processes(run):
    """Kill whatever processes of a run are left."""
    for pid in system.processes_of(RUN_VARIABLE, run):
        _signal(pid, signal.SIGKILL)


def _signal(pid, number):
    try:
        if isinstance(pid, int) and pid > 1:
            os.kill(pid, number)
    except OSError:
        pass  # it has ended by itself


def _remove(root, run):
    """Out of sight in one step, then gone."""
    away = os.path.join(root, FOLDER, ".old-{}-{}".format(run, os.getpid()))
    store.remove_tree(away)
    os.rename(folder_of(root, run), away)
    store.remove_tree(away)


def _changed(folder):
    try:
        return os.stat(os.path.join(folder, STATE)).st_mtime
    except OSError:
        return 0.0


def _size(folder):
    total = 0
    for place, _, found in os.walk(folder):
        total += sum(os.lstat(os.path.join(place, name)).st_size for name in found)
    return total
