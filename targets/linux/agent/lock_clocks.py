"""CPU clocks held at their highest while something is timed, and put back whatever happens.

A process of its own puts them back as soon as the one that locked them is gone, also when it was
killed. After a reboot there is nothing to put back: the kernel begins with its own.
"""

import glob
import json
import os
import subprocess
import sys

POLICIES = "sys/devices/system/cpu/cpufreq/policy[0-9]*"
GUARD = "import sys; sys.path.insert(0, {!r}); import lock_clocks; lock_clocks.guard()"


class Clocks:
    """What was done, or why nothing was."""

    def __init__(self, before=None, why_not=None, process=None):
        self.before = before or {}
        self.why_not = why_not
        self._process = process

    def about(self):
        """For the journal."""
        if self.why_not:
            return {"locked": False, "why": self.why_not}
        return {"locked": True, "before": self.before}

    def restore(self):
        """Have the guard put everything back, and wait for it."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()


def lock(root, system_root):
    """Governor "performance" and the lowest clock at the highest, of every CPU."""
    found = policies(system_root)
    if not found:
        return Clocks(why_not="this kernel has no cpufreq: there is nothing to lock")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    before = {}
    for folder in found:
        before[os.path.join(folder, "scaling_governor")] = read(folder, "scaling_governor")
        before[os.path.join(folder, "scaling_min_freq")] = read(folder, "scaling_min_freq")
    wanted = {path: value_for(path) for path in before}
    if not may_write(sudo, before):
        return Clocks(why_not="it takes root, or sudo without a password, on the device")
    process = start_guard(sudo, before)
    for path, value in wanted.items():
        if not write(sudo, path, value):
            process.stdin.close()
            process.wait()
            return Clocks(why_not="{} cannot be written".format(path))
    return Clocks(before, process=process)


def guard():
    """Wait for the end of standard input, then write back what argv says."""
    job = json.loads(sys.argv[1])
    sys.stdin.read()
    for path, value in sorted(job["before"].items()):
        write(job["sudo"], path, value)


def start_guard(sudo, before):
    """In a session of its own: what ends the run does not end it."""
    place = os.path.dirname(os.path.abspath(__file__))
    job = json.dumps({"sudo": sudo, "before": before})
    environment = {k: v for k, v in os.environ.items() if k != "EDGETOOL_RUN"}
    return subprocess.Popen(
        [sys.executable, "-c", GUARD.format(place), job],
        stdin=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )


def policies(system_root):
    """The folders of CPUs that share a clock."""
    return sorted(glob.glob(os.path.join(system_root, POLICIES)))


def value_for(path):
    """What to write while locked."""
    if path.endswith("governor"):
        return "performance"
    return read(os.path.dirname(path), "scaling_max_freq")


def may_write(sudo, before):
    """Whether writing what is there already works."""
    return all(value is not None and write(sudo, path, value) for path, value in before.items())


def write(sudo, path, value):
    """Whether the file took it."""
    try:
        if not sudo:
            with open(path, "w") as stream:
                stream.write(value)
            return True
        done = subprocess.run(
            [*sudo, "tee", path],
            input=value.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=10,
        )
        return done.returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def read(folder, name):
    """A file's word, None where there is none."""
    try:
        with open(os.path.join(folder, name)) as stream:
            return stream.read().strip()
    except (IOError, OSError):
        return None
