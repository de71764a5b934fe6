"""The process that does a run's job. It may crash: the supervisor sees how it ended."""

import contextlib
import ctypes
import errno
import os
import signal
import traceback

import files
import journal as journals
import registry
import runs
from refusal import Refused

OUTCOME = "outcome.json"
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def work(root, run):
    """Do the job of a run and leave what came of it; the exit code."""
    die_with_parent()
    folder = runs.folder_of(root, run)
    job = files.read_json(os.path.join(folder, runs.JOB))
    try:
        result = registry.kind(job["kind"]).run(job, folder, root, journals.Journal(folder))
        outcome = {"result": result or {}}
    except Refused as error:
        outcome = {"error": {"kind": error.kind, "message": error.message}}
    except Exception as error:
        outcome = {"error": unexpected(error)}
        runs.use_reserve(folder)
        with contextlib.suppress(OSError):
            traceback.print_exc()  # into the run's log
    files.write_json(os.path.join(folder, OUTCOME), outcome)
    return 0


def unexpected(error):
    """An exception that a job did not foresee, as an error."""
    said = "".join(traceback.format_exception_only(type(error), error)).strip()
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    kind = "no-space" if full else "job"
    return {"kind": kind, "message": said[:2000], "log": traceback.format_exc()[-4000:]}


def die_with_parent():
    """End when the supervisor is killed: nobody would stop this process then."""
    parent = os.getppid()
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
