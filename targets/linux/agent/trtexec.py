"""Jobs of kind "trtexec": build a TensorRT engine unless it is cached, then run its steps.

Runs on Python 3.6. What to run comes as complete commands from the host; here is what only the
device can do: one build at a time, engines that are whole or absent, signs of life, and
trtexec's files and log into the journal.
"""

import base64
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import time
import zlib

import under_load
from refusal import Refused

EXCLUSIVE = True  # it times inferences, and the builder times kernels
LOG_TAIL_BYTES = 32768
PART_LETTERS = 49152
PROGRESS_S = 1.0
POLL_S = 0.05
GRACE_S = 5.0


def run(job, run_folder, root, journal):
    """Do the job: {"built": whether the engine was not cached, "engine": its path}.

    Paths in the job are below root, which is trtexec's working folder.
    Raises: Refused of kind "trtexec-failed", with what trtexec wrote last as a line "log" in the
    journal; "trtexec-timeout", "trtexec-output", "no-trtexec".
    """
    built = provide_engine(job, root, run_folder, journal)
    journal("sensor", when="before", **under_load.forensics(root))
    for step in job["steps"]:
        run_step(step, job, run_folder, root, journal)
    journal("sensor", when="after", **under_load.forensics(root))
    return {"built": built, "engine": job["engine"]}


def provide_engine(job, root, run_folder, journal):
    """Build the engine if it is not there; whether it was built."""
    below = os.path.join(root, job["engine"])
    os.makedirs(os.path.dirname(below), exist_ok=True)
    os.makedirs(os.path.join(root, "locks"), exist_ok=True)
    with open(os.path.join(root, "locks", "tensorrt-build"), "w") as lock:
        wait_for(lock, journal)
        collect_stale(job, root, journal)
        cached = os.path.exists(below)
        if cached:
            journal("state", state="cached")
            os.utime(below, None)  # used: collect_stale keeps those used last
        else:
            build(job, below, root, run_folder, journal)
    return not cached


def wait_for(lock, journal):
    """Two builds at once would time each other's kernels."""
    told = None
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if told is None or time.monotonic() - told >= PROGRESS_S:
            journal("progress", doing="waiting for another build")
            told = time.monotonic()
        time.sleep(POLL_S)


def build(job, engine, root, run_folder, journal):
    """Build aside and rename: an engine is whole or absent. So is the timing cache."""
    journal("state", state="building")
    aside = os.path.join(run_folder, "engine.part")
    cache = os.path.join(root, job["timing_cache"])
    cache_aside = os.path.join(run_folder, "timing.part")
    if os.path.exists(cache):
        shutil.copyfile(cache, cache_aside)
    paths = {"{engine}": aside, "{timing_cache}": cache_aside, "{run}": run_folder}
    begun = time.monotonic()
    try:
        call(job["build"], paths, root, run_folder, job["build_timeout_s"], journal)
        if not os.path.exists(aside):
            raise Refused("trtexec-output", "trtexec passed and wrote no engine")
        os.rename(aside, engine)
        if os.path.exists(cache_aside):
            os.rename(cache_aside, cache)
    finally:
        remove([aside, cache_aside])
    journal("state", state="built", seconds=time.monotonic() - begun)


def run_step(step, job, run_folder, root, journal):
    """One run of trtexec, and the files that it wrote into the journal."""
    journal("state", state=step["name"])
    paths = {"{engine}": job["engine"], "{run}": run_folder}
    call(step["command"], paths, root, run_folder, job["run_timeout_s"], journal)
    if step["name"] == "time":
        journal("sensor", model="tensorrt", **under_load.sensors())
    for name in step["files"]:
        write_file(os.path.join(run_folder, name), name, journal)


def call(command, paths, root, run_folder, timeout_s, journal):
    """Run trtexec to its end, saying so while it runs. Raises: Refused."""
    arguments = [replaced(argument, paths) for argument in command]
    log = os.path.join(run_folder, "trtexec.log")
    with open(log, "wb") as output:
        try:
            process = subprocess.Popen(
                arguments, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        except OSError as error:
            message = "%s: %s" % (arguments[0], error.strerror)
            raise Refused("no-trtexec", message) from None
        try:
            code = wait(process, timeout_s, journal)
        finally:
            end(process)
    if code != 0:
        journal("log", log=tail(log))
        raise Refused("trtexec-failed", "trtexec ended with %s" % ended_with(code))


def replaced(argument, paths):
    """An argument with the paths that only the device knows."""
    for name, path in paths.items():
        argument = argument.replace(name, path)
    return argument


def wait(process, timeout_s, journal):
    """The exit code; Refused after timeout_s."""
    begun = last = time.monotonic()
    while process.poll() is None:
        now = time.monotonic()
        if now - begun > timeout_s:
            raise Refused("trtexec-timeout", "trtexec did not end within %d s" % timeout_s)
        if now - last >= PROGRESS_S:
            journal("progress", doing="trtexec", seconds=now - begun)
            last = now
        time.sleep(POLL_S)
    return process.returncode


def end(process):
    """Nothing of ours goes on using the GPU."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ended_with(code):
    """ "exit code 1" or "signal 9" """
    if code >= 0:
        return "exit code %d" % code
    named = {int(number): number.name for number in signal.Signals}
    return "signal %d (%s)" % (-code, named.get(-code, "unknown"))


def tail(path):
    """The end of a log as text."""
    with open(path, "rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - LOG_TAIL_BYTES))
        return log.read().decode("utf-8", "replace")


def write_file(path, name, journal):
    """A file into the journal, packed, in parts that fit a line."""
    try:
        with open(path, "rb") as source:
            packed = base64.b64encode(zlib.compress(source.read())).decode("ascii")
    except OSError:
        raise Refused("trtexec-output", "trtexec passed and wrote no %s" % name) from None
    parts = [packed[i : i + PART_LETTERS] for i in range(0, len(packed), PART_LETTERS)]
    for number, part in enumerate(parts):
        journal("file", name=name, part=number, parts=len(parts), zlib=part)


def collect_stale(job, root, journal):
    """Engines that this TensorRT cannot load, and the least used beyond those to keep."""
    folder = os.path.dirname(os.path.join(root, job["engine"]))
    paths = [os.path.join(folder, name) for name in os.listdir(folder)]
    paths = [path for path in paths if os.path.isfile(path) and not os.path.islink(path)]
    stale = [path for path in paths if not os.path.basename(path).startswith(job["engine_prefix"])]
    engines = [path for path in paths if path.endswith(".plan") and path not in stale]
    engines.sort(key=lambda path: os.stat(path).st_mtime)
    stale += engines[: max(0, len(engines) - job["engines_kept"])]
    remove(stale)
    if stale:
        journal("state", state="collected", engines=len(stale))


def remove(paths):
    """Remove files that may be gone already."""
    for path in paths:
        try:
            os.unlink(path)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
