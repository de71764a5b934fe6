"""The other end of runtime_process: starts it, asks it, and knows when it has died."""

import json
import os
import select
import signal
import subprocess
import sys

from refusal import Refused

ANSWER_S = 600.0
PROGRAM = "c"  # the runtime whose models are programs: targets/linux/native
OUTPUTS = "outputs.bin"
QUIT_S = 3.0
START = "import sys; sys.path.insert(0, {!r}); import runtime_process; runtime_process.main()"
# NumPy's OpenBLAS dies of an illegal instruction on a Jetson Nano without it; others ignore it.
OPENBLAS = {"aarch64": "ARMV8"}


class Child:
    """A process with one model.   loaded: what it said about itself when it was ready."""

    def __init__(self, model, root, run_folder):
        """model: {"runtime", "python", "model", "inputs", "threads", "affinity", "exact"}, paths
        below root. Raises: Refused."""
        self._unread = b""
        self._process = start(model, root, run_folder)
        self.pid = self._process.pid
        self.loaded = self.read()
        if "affinity" not in self.loaded:
            self.loaded["affinity"] = sorted(os.sched_getaffinity(self.pid))

    def ask(self, *request):
        """Send a request; what comes is for read()."""
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except (IOError, OSError):
            raise self._ended() from None

    def read(self):
        """The next line. Raises: Refused: what it says went wrong, or how it died."""
        handle = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            ready, _, _ = select.select([handle], [], [], ANSWER_S)
            if not ready:
                raise Refused("timeout", "the runtime says nothing for %d s" % ANSWER_S)
            data = os.read(handle, 1 << 16)
            if not data:
                raise self._ended()
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        answer = json.loads(line.decode())
        if "error" in answer:
            raise Refused(answer["error"], answer["message"])
        return answer

    def samples(self, *request):
        """Ask, and yield lists of samples as they come, until the end."""
        self.ask(*request)
        while True:
            answer = self.read()
            if "end" in answer:
                return
            yield answer["samples"]

    def close(self):
        """End it, gently first."""
        self._process.stdin.close()
        try:
            self._process.wait(timeout=QUIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _ended(self):
        code = self._process.wait()
        if code >= 0:
            return Refused("runtime", "the runtime's process ended with exit code %d" % code)
        name = signal.Signals(-code).name
        hint = "" if name != "SIGILL" else ": it was built for another processor"
        hint = ": not enough memory, most likely" if name == "SIGKILL" else hint
        return Refused("crashed", "the runtime's process was ended by %s%s" % (name, hint))


def start(model, root, run_folder):
    """Its process. Raises: Refused where the device does not start the model's own program."""
    affinity = model.get("affinity") if model["runtime"] == PROGRAM else None
    ours = os.sched_getaffinity(0)
    try:
        if model["runtime"] == PROGRAM:
            os.chmod(os.path.join(root, model["model"]), 0o700)
        if affinity:
            os.sched_setaffinity(0, affinity)  # which the program inherits
        return subprocess.Popen(
            command(model, root, run_folder),
            env=environment(model, root),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise Refused("runtime", "the model's process does not start: %s" % error) from None
    finally:
        os.sched_setaffinity(0, ours)


def command(model, root, run_folder):
    """The command line: a Python process, or the model's own program."""
    if model["runtime"] == PROGRAM:
        files = [os.path.join(root, port["path"]) for port in model["inputs"]]
        return [os.path.join(root, model["model"]), os.path.join(run_folder, OUTPUTS), *files]
    asked = {
        "runtime": model["runtime"],
        "model": os.path.join(root, model["model"]),
        "inputs": model["inputs"],
        "threads": model["threads"],
        "affinity": model.get("affinity"),
        "exact": model.get("exact", False),
        "root": root,
        "folder": run_folder,
    }
    place = os.path.dirname(os.path.abspath(__file__))
    return [sys.executable, "-c", START.format(place), json.dumps(asked)]


def environment(model, root):
    """Ours, with the packages that the model's runtime is in."""
    found = dict(os.environ)
    machine = os.uname().machine
    if machine in OPENBLAS:
        found.setdefault("OPENBLAS_CORETYPE", OPENBLAS[machine])
    if model.get("python"):
        found["PYTHONPATH"] = os.path.join(root, model["python"])
    return found
