"""What every host runtime offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy.typing as npt

Array = npt.NDArray[Any]
Progress = Callable[[int, int, str], None]


def labelled(progress: Progress | None, label: str) -> Callable[[int, int], None] | None:
    """progress with its label given, for those who only report (done, total)."""
    return None if progress is None else lambda done, total: progress(done, total, label)


@contextmanager
def step(progress: Progress | None, label: str) -> Iterator[None]:
    """A step that cannot tell how far it is: total 0 while it runs, 1 of 1 when it is done."""
    if progress is not None:
        progress(0, 0, label)
    yield
    if progress is not None:
        progress(1, 1, label)


class Session(Protocol):
    """A loaded model.

    name: the runtime's, as reports spell it.
    """

    name: str

    def run(
        self, inputs: Mapping[str, Array], progress: Progress | None = None
    ) -> dict[str, Array]:
        """Outputs by the model's own output names for samples given by its own input names.

        inputs: (samples, *input shape). Returns (samples, *output shape).
        Raises: DeviceError when the runtime fails.
        """
        ...
