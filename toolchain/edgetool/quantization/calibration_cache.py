"""Statistics of long calibrations on disk, so that one that was stopped goes on where it was.

The key is the content: the float graph, the samples, what is watched, and this format.
"""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import onnxruntime

from edgetool.graph import Graph, constant_array
from edgetool.quantization.histogram import BINS, Histogram
from edgetool.quantization.statistics import ActivationStatistics

FORMAT = "2"
KEPT_FILES = 32
SAVE_EVERY_S = 5.0
SHORTEST_S = 2.0
"""Passes that take less are not kept: they are repeated sooner than read."""

Samples = Mapping[str, npt.NDArray[Any]]
Statistics = tuple[ActivationStatistics, ...]


@dataclass
class CalibrationCache:
    """The file of one calibration; path None keeps nothing.

    groups: number of statistics.   started, saved: monotonic seconds.
    """

    path: Path | None
    groups: int
    with_histograms: bool
    started: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)

    @classmethod
    def of(
        cls,
        folder: Path | None,
        graph: Graph,
        samples: Samples,
        with_histograms: bool,
        names: Sequence[str],
    ) -> CalibrationCache:
        """The file in folder for this graph, these samples and groups of these names."""
        path = None
        if folder is not None:
            kind = "histograms" if with_histograms else "extremes"
            path = folder / f"{_key(graph, samples, names, kind)}.npz"
        return cls(path, len(names), with_histograms)

    def load(self) -> tuple[int, Statistics]:
        """(samples done, their statistics); 0 and empty ones where nothing usable is kept."""
        empty = tuple(ActivationStatistics(self.with_histograms) for _ in range(self.groups))
        if self.path is None or not self.path.is_file():
            return 0, empty
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return int(arrays["done"]), self._read(arrays)
        except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile, EOFError):
            return 0, empty  # damaged: made again

    def save(self, done: int, statistics: Statistics, finished: bool) -> None:
        """Keep the statistics when it is time to, or when a long pass has finished."""
        now = time.monotonic()
        due = now - self.saved >= SAVE_EVERY_S or (finished and now - self.started >= SHORTEST_S)
        if self.path is None or not due:
            return
        self.saved = now
        try:
            self._write(self.path, done, statistics)
        except OSError:  # a full or read-only disk takes away the cache, not the result
            self.path = None

    def _write(self, path: Path, done: int, statistics: Statistics) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.npz")
        arrays = self._arrays(statistics) | {"done": np.array(done)}
        np.savez_compressed(aside, allow_pickle=False, **arrays)
        aside.replace(path)
        kept = sorted(path.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime)
        for old in kept[:-KEPT_FILES]:
            old.unlink(missing_ok=True)

    def _arrays(self, statistics: Statistics) -> dict[str, npt.NDArray[Any]]:
        arrays = {"extremes": np.array([(s.minimum, s.maximum) for s in statistics])}
        histograms = [s.histogram for s in statistics if s.histogram is not None]
        if histograms:
            arrays["counts"] = np.stack([h.counts for h in histograms])
            arrays["scales"] = np.array([(h.exponent, h.zeros) for h in histograms], np.int64)
        return arrays

    def _read(self, arrays: Mapping[str, npt.NDArray[Any]]) -> Statistics:
        found = []
        for index in range(self.groups):
            statistics = ActivationStatistics(self.with_histograms)
            statistics.extend(*(float(bound) for bound in arrays["extremes"][index]))
            if statistics.histogram is not None:
                _fill(statistics.histogram, arrays["counts"][index], arrays["scales"][index])
            found.append(statistics)
        return tuple(found)


def _fill(
    histogram: Histogram, counts: npt.NDArray[np.int64], scale: npt.NDArray[np.int64]
) -> None:
    if counts.shape != (BINS,):
        raise ValueError("a histogram of another size")
    histogram.counts = counts.astype(np.int64)
    histogram.exponent, histogram.zeros = (int(number) for number in scale)


def _key(graph: Graph, samples: Samples, names: Sequence[str], kind: str) -> str:
    digest = hashlib.sha256(f"{FORMAT} {kind} {onnxruntime.__version__} {names}".encode())
    for node in graph.graph:
        digest.update(ir.serde.serialize_node(node).SerializeToString(deterministic=True))
    arrays = {name: constant_array(value) for name, value in graph.graph.initializers.items()}
    for name, array in sorted({**arrays, **samples}.items()):
        if array is not None:
            content = np.ascontiguousarray(array)
            digest.update(f"{name} {content.dtype.str} {content.shape}".encode())
            digest.update(content.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
