"""A progress bar for what takes longer than a second."""

from __future__ import annotations

import sys
import threading
from typing import Any

PROGRESS_AFTER_S = 1.0


class ProgressBar:
    """A bar on stderr for work longer than a second, silent where stderr is not a terminal.

    Called as progress(done, total, label); the label names the step. A total of 0 is a step whose
    length is not known: its bar only moves.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timers: dict[str, threading.Timer] = {}
        self._state: dict[str, tuple[int, int]] = {}
        self._tasks: dict[str, Any] = {}
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers.values():
            timer.cancel()
        with self._lock:
            self._timers.clear()
            if self._bar is not None:
                self._bar.stop()

    def __call__(self, done: int, total: int, label: str) -> None:
        """Show that `done` of `total` of step `label` are finished."""
        if not sys.stderr.isatty():
            return
        with self._lock:
            self._state[label] = (done, total)
            if label in self._tasks:
                going_on = not total or done < total
                self._bar.update(
                    self._tasks[label], completed=done, total=total or None, visible=going_on
                )
            elif label not in self._timers:
                # A step that is over within a second never shows.
                self._timers[label] = threading.Timer(PROGRESS_AFTER_S, self._show, [label])
                self._timers[label].daemon = True
                self._timers[label].start()

    def _show(self, label: str) -> None:
        with self._lock:
            done, total = self._state[label]
            if label not in self._timers or (total and done >= total):
                return
            if self._bar is None:
                self._bar = _new_bar()
            self._tasks[label] = self._bar.add_task(label, completed=done, total=total or None)


def _new_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.start()
    return bar
