"""A session: requests as lines of JSON on standard input, answers on standard output.

    {"id": 1, "do": "status", "run": "…"}
    {"id": 1, "ok": true, "result": {…}}
    {"id": 1, "ok": false, "error": {"kind": "no-run", "message": "…"}}

One request is answered after the other. Only `follow` goes on beside others, until its run is over
or `unfollow` names its id.
"""

import errno
import hashlib
import inspect
import json
import os
import platform
import select
import sys
import time
import traceback

import bundles
import journal
import registry
import reservation
import runs
import system
import tuning
from refusal import Refused

PROTOCOL = 1
LONGEST_REQUEST_BYTES = 1 << 22
POLL_S = 0.02
SILENCE_S = 1.0
KINDS = {
    errno.ENOSPC: "no-space",
    errno.EDQUOT: "no-space",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "read-only",
}


def serve(root):
    """Answer until standard input ends or `bye`; the exit code."""
    os.makedirs(root, mode=0o700, exist_ok=True)
    runs.tidy(root)
    bundles.tidy(root, sys.argv[0])
    restored = tuning.restore_if_unused(root)  # a session that locked them was killed
    session = Session(root)
    session.say({"hello": hello(restored)})
    try:
        while session.open:
            session.turn()
    finally:
        reservation.release(root)
        tuning.restore_if_unused(root)
    return 0


def hello(restored):
    """Who speaks: the first line of a session.   restored: clocks that were put back before."""
    with open(sys.argv[0], "rb") as stream:
        own = hashlib.sha256(stream.read()).hexdigest()
    return {
        "protocol": PROTOCOL,
        "agent": own[:16],
        "boot_id": system.boot_id(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "restored": restored or {},
    }


class Session:
    """What has been read and not answered, and what is being followed."""

    def __init__(self, root):
        self.open = True
        self._root = root
        self._unread = b""
        self._followed = {}  # id of the request → Follower

    def turn(self):
        """Wait for a request, or a little while for what is followed, and deal with it."""
        ready, _, _ = select.select([0], [], [], POLL_S if self._followed else None)
        if ready:
            self._read()
        for number in list(self._followed):
            self._advance(number)

    def say(self, message):
        """Send a line."""
        write_all(json.dumps(message, separators=(",", ":")).encode("utf-8") + b"\n")

    def _read(self):
        data = os.read(0, 1 << 16)
        self.open = bool(data)
        lines = (self._unread + data).split(b"\n")
        self._unread = lines.pop()
        if len(self._unread) > LONGEST_REQUEST_BYTES:
            self.open = False
        for line in lines:
            if self.open and line.strip():
                self._answer(line)

    def _answer(self, line):
        number = None
        try:
            request = parsed(line)
            number = request.pop("id")
            result = self._do(number, request.pop("do"), request)
        except Exception as error:
            self.say({"id": number, "ok": False, "error": described(error)})
        else:
            if result is not None:
                self.say({"id": number, "ok": True, "result": result})

    def _do(self, number, verb, arguments):
        """The result of a request; None when it comes later."""
        if verb == "bye":
            self.open = False
            return {}
        if verb == "follow":
            self._followed[number] = Follower(self._root, **bound(Follower, arguments))
            return None
        if verb == "unfollow":
            return {"followed": self._followed.pop(arguments.get("follow"), None) is not None}
        function = registry.verb(verb)
        return function(self._root, **bound(function, arguments))

    def _advance(self, number):
        """Send what a followed run has written meanwhile, and its end."""
        follower = self._followed[number]
        for index, text in follower.events():
            event = text if text is not None else "null"
            head = '{{"id":{},"index":{},"event":'.format(json.dumps(number), index)
            write_all(head.encode() + event.encode("utf-8") + b"}\n")
        if follower.over:
            del self._followed[number]
            self.say({"id": number, "ok": True, "result": follower.result()})
        elif follower.is_silent():
            self.say({"id": number, "silent_s": follower.silent_s()})


class Follower:
    """Reads a run's journal as it grows.   over: everything of a run that has ended is read."""

    def __init__(self, root, run, first=0):
        self._folder = runs.folder_of(root, run)
        self._run = run
        self._state = runs.status(root, run)
        self._reader = journal.Reader(self._folder, first)
        self._last = self._said = time.monotonic()
        self.over = False

    def events(self):
        """(index, line) of what has come."""
        if not runs.is_alive(self._folder):
            self._state = runs.describe(self._folder, self._run)
        lines = self._reader.lines()
        ended = self._state["state"] not in runs.UNDER_WAY
        self.over = ended and not lines and not self._reader.more()
        if lines:
            self._last = self._said = time.monotonic()
        return lines

    def result(self):
        """How the run ended.   lines: those in its journal."""
        return dict(self._state, lines=self._reader.next)

    def silent_s(self):
        """Since the journal grew last, as seen from here."""
        self._said = time.monotonic()
        return self._said - self._last

    def is_silent(self):
        """Whether it is time to say that the agent lives, though the run says nothing."""
        return time.monotonic() - self._said >= SILENCE_S


def parsed(line):
    """A request. Raises: Refused."""
    try:
        request = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refused("request", "this is no request: {}".format(error)) from None
    if not isinstance(request, dict) or "id" not in request or "do" not in request:
        raise Refused("request", "a request is an object with id and do")
    return request


def bound(function, arguments):
    """The arguments, if the function takes them. Raises: Refused."""
    try:
        inspect.signature(function).bind(None, **arguments)
    except TypeError as error:
        raise Refused("arguments", str(error)) from None
    return arguments


def described(error):
    """An exception as the protocol's error."""
    if isinstance(error, Refused):
        return {"kind": error.kind, "message": error.message}
    if isinstance(error, OSError):
        name = KINDS.get(error.errno, "system")
        message = error.strerror or str(error)
        if error.filename is not None:
            message = "{}: {}".format(error.filename, message)
        return {"kind": name, "message": message}
    return {"kind": "internal", "message": traceback.format_exc()[-4000:]}


def write_all(data):
    """All of it to standard output."""
    while data:
        data = data[os.write(1, data) :]
