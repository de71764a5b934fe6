"""A run's journal: lines of JSON that are appended and never changed.

Several processes append to one journal: each line is one write, and Linux appends those whole.
"""

import json
import os

import clock

FILE = "journal.jsonl"
LONGEST_LINE_BYTES = 1 << 18


class Journal:
    """Appends to a journal: journal("state", state="warm-up")."""

    def __init__(self, folder):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        path = os.path.join(folder, FILE)
        self._handle = os.open(path, flags, 0o600)
        self._torn = is_torn(path)  # by another process, which has ended

    def __call__(self, kind, **fields):
        """Append a line: the monotonic time, its kind, and the fields. Raises: OSError."""
        fields.update(t=clock.monotonic_ns(), kind=kind)
        line = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("utf-8")
        if len(line) > LONGEST_LINE_BYTES:
            raise ValueError("a line of {} bytes is too long for a journal".format(len(line)))
        self._append(line + b"\n")

    def sync(self):
        """Have the lines so far survive a power cut. Not while something is timed."""
        os.fsync(self._handle)

    def _append(self, line):
        """Write a line; what a full disk left of an earlier one is ended first."""
        data = b"\n" + line if self._torn else line
        written = 0
        try:
            while written < len(data):
                written += os.write(self._handle, data[written:])
                self._torn = written < len(data)
        except OSError:
            self._torn = self._torn or 0 < written < len(data)
            raise


class Samples:
    """Numbers that come often, many to a line.   every_s: at most one line in this time."""

    def __init__(self, journal, every_s=0.2, **fields):
        self._journal = journal
        self._every_ns = int(every_s * 1e9)
        self._fields = fields
        self._values = []
        self._since = clock.monotonic_ns()

    def add(self, value):
        """Take a number; write those so far when it is time."""
        self._values.append(value)
        if clock.monotonic_ns() - self._since >= self._every_ns:
            self.flush()

    def flush(self):
        """Write what has not been written."""
        if self._values:
            self._journal("samples", samples=self._values, **self._fields)
        self._values = []
        self._since = clock.monotonic_ns()


class Reader:
    """Reads a journal's whole lines from an index on, also while it grows.

    next: the index of the line that comes next. A line without its newline is not there yet.
    """

    def __init__(self, folder, first):
        self.next = 0
        self._first = first
        self._path = os.path.join(folder, FILE)
        self._offset = 0
        self._rest = b""
        self._behind = False

    def lines(self, limit_bytes=1 << 20):
        """(index, line) of those that have come, of about limit_bytes; a damaged line is None."""
        try:
            with open(self._path, "rb") as stream:
                stream.seek(self._offset)
                data = stream.read(limit_bytes)
        except OSError:
            return []
        self._offset += len(data)
        self._behind = len(data) == limit_bytes
        whole = (self._rest + data).split(b"\n")
        self._rest = whole.pop()
        found = list(enumerate(whole, self.next))
        self.next += len(whole)
        return [(index, checked(line)) for index, line in found if index >= self._first]

    def more(self):
        """Whether the last reading stopped before the end of what is there."""
        return self._behind


def is_torn(path):
    """Whether a file's last line has no end."""
    with open(path, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 1))
        return stream.read(1) not in (b"", b"\n")


def checked(line):
    """The line as text if it is an object of JSON, else None: a power cut left it so."""
    try:
        text = line.decode("utf-8")
        return text if isinstance(json.loads(text), dict) else None
    except (ValueError, RecursionError):
        return None
