"""The process that watches over a run: starts its job, gives signs of life, says how it ended.

It does next to nothing, so that it neither disturbs what is timed nor dies of what the job does.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback

import clock
import files
import journal as journals
import runs
import system
import tuning

HEARTBEAT_S = 1.0
GRACE_S = 3.0
LONGEST_RUN_S = 6 * 3600.0
LOG_SHOWN_BYTES = 4000
AWAITED = {signal.SIGCHLD, signal.SIGTERM}


class Supervisor:
    """One run from its start to its end."""

    def __init__(self, root, run):
        self.root = root
        self.run = run
        self.folder = runs.folder_of(root, run)
        self.job = files.read_json(os.path.join(self.folder, runs.JOB))
        self.journal = journals.Journal(self.folder)
        self.stopped = False
        self.state = {"boot_id": system.boot_id(), "pid": os.getpid()}
        self.ahead_ns = clock.realtime_ns() - clock.monotonic_ns()

    def begin(self):
        """Note the start."""
        self._write("running")
        self.journal(
            "state",
            state="started",
            boot_id=self.state["boot_id"],
            realtime_ns=clock.realtime_ns(),
            python=sys.version.split()[0],
        )

    def do(self):
        """Run the job; (state, result or None, error or None)."""
        outcome = os.path.join(self.folder, "outcome.json")
        try:
            process = self._start()
        except OSError as error:
            return "failed", None, {"kind": "no-python", "message": str(error)}
        late = self._wait(process)
        said = files.read_json(outcome) or {}
        if self.stopped:
            return "stopped", None, {"kind": "stopped", "message": "it was stopped"}
        if late:
            return "failed", None, {"kind": "timeout", "message": "it took longer than allowed"}
        if process.returncode == 0 and "result" in said:
            return "done", said["result"], None
        return "failed", None, said.get("error") or self._crash(process.returncode)

    def end(self, state, result, error):
        """Note the end: the journal first, so that whoever sees the state has all lines."""
        runs.use_reserve(self.folder)
        self.journal = journals.Journal(self.folder)  # the job may have left half a line
        jump_s = (clock.realtime_ns() - clock.monotonic_ns() - self.ahead_ns) / 1e9
        self.state["clock_jump_s"] = jump_s
        about = {"realtime_ns": clock.realtime_ns(), "clock_jump_s": jump_s}
        if error is None:
            self._note("done", result=result, **about)
            self.state["result"] = result
        else:
            self._note("error", error=error["kind"], message=error["message"], **about)
            self.state["error"] = error
        self._write(state)

    def _start(self):
        environment = dict(os.environ, **self.job.get("environment", {}))
        environment[runs.RUN_VARIABLE] = self.run
        if self.job.get("python"):
            environment["PYTHONPATH"] = files.inside(self.root, self.job["python"])
        command = runs.command(self.root, self.run, "--job")
        command[0] = self.job.get("interpreter") or command[0]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait(self, process):
        """Until the job has ended, with signs of life; whether it was ended for taking too long."""
        limit_s = float(self.job.get("timeout_s", LONGEST_RUN_S))
        begun = time.monotonic()
        signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
        while process.poll() is None:
            self._sleep()
            late = time.monotonic() - begun > limit_s
            if late or self.stopped:
                self._end(process)
                return late
        return False

    def _sleep(self):
        """Until the job ends, somebody says stop, or a sign of life is due; one wake-up a second.

        Popen.wait with a timeout would look twenty times a second, beside what is timed.
        """
        woken = signal.sigtimedwait(AWAITED, HEARTBEAT_S)
        if woken is None:
            self._note("heartbeat")
        elif woken.si_signo == signal.SIGTERM:
            self.stopped = True

    def _end(self, process):
        """End the job and whatever it has started, gently first."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except OSError:
                return
            try:
                process.wait(timeout=GRACE_S)
            except subprocess.TimeoutExpired:
                continue

    def _note(self, kind, **fields):
        """Journal it where the disk has room: a full one must not end who watches."""
        try:
            self.journal(kind, **fields)
            if kind != "heartbeat":
                self.journal.sync()
        except OSError:
            with contextlib.suppress(OSError):
                traceback.print_exc()  # into the run's log

    def _crash(self, code):
        """What can be said of a job that ended without a word."""
        message = "its process ended with exit code {}".format(code)
        if code < 0:
            message = "its process was ended by signal {}".format(-code)
            message += " ({})".format(signal_name(-code))
        return {"kind": "crashed", "message": message, "signal": max(0, -code), "log": self._log()}

    def _log(self):
        with open(os.path.join(self.folder, runs.LOG), "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - LOG_SHOWN_BYTES))
            return stream.read().decode("utf-8", "replace")

    def _write(self, state):
        self.state["state"] = state
        files.write_json(os.path.join(self.folder, runs.STATE), self.state)


def supervise(root, run, timing_lock):
    """Watch over a run; the exit code.   timing_lock: an inherited open file, or None."""
    watched = Supervisor(root, run)

    def stop(_number, _frame):
        watched.stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    watched.begin()
    watched.end(*watched.do())
    if timing_lock is not None:
        os.close(timing_lock)
        tuning.restore_if_unused(root)  # the session that locked the clocks may be gone
    return 0


def signal_name(number):
    """ "SIGSEGV" """
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
