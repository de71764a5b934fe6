"""Dataset: samples of every input of a model, with labels where there are any."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class InputSpec:
    """What a model's input takes.

    shape: with the leading batch dimension, which data leave out.   dtype: NumPy's name.
    scale, zero_point: of an integer input, real = (integer - zero_point) · scale; None without.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample, without the batch dimension."""
        return self.shape[1:]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in a model's own layout and types.

    inputs: input name to (samples, *shape without batch), one array for every input.
    labels: (samples, …), None without.   path: the source as the user named it, slice included.
    sha256: of the source's content (the whole file, whatever the slice).
    notes: what was converted on the way.
    """

    inputs: Mapping[str, Array]
    labels: Array | None
    samples: int
    path: str
    sha256: str
    notes: tuple[str, ...] = ()

    def first(self, count: int) -> Dataset:
        """Only the first samples."""
        inputs = {name: array[:count] for name, array in self.inputs.items()}
        labels = None if self.labels is None else self.labels[:count]
        return replace(self, inputs=inputs, labels=labels, samples=min(count, self.samples))

    def sample_hashes(self) -> list[bytes]:
        """A digest of each sample's values over all inputs, in order."""
        arrays = [np.ascontiguousarray(self.inputs[name]) for name in sorted(self.inputs)]
        return [
            hashlib.sha256(b"".join(array[i].tobytes() for array in arrays)).digest()
            for i in range(self.samples)
        ]


def overlap_note(calibration: Dataset | None, evaluation: Dataset | None) -> tuple[str, ...]:
    """A note when samples were used for calibration and for evaluation, else nothing.

    A score on samples that set the ranges is too good; identical values count, whatever file
    they came from.
    """
    if calibration is None or evaluation is None:
        return ()
    seen = set(calibration.sample_hashes())
    shared = sum(digest in seen for digest in evaluation.sample_hashes())
    if not shared:
        return ()
    return (
        f"{shared} of {evaluation.samples} evaluation samples are calibration samples too: the"
        f" score flatters (slices keep them apart, such as data.npz[:200] and data.npz[200:])",
    )
