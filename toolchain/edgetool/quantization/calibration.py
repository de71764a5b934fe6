"""One float pass over the calibration samples, watching the values that will be quantized."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.errors import DataError
from edgetool.graph import Graph, node_label, static_shape
from edgetool.quantization.calibration_cache import CalibrationCache
from edgetool.quantization.observed_session import ObservedSession, ValueSession
from edgetool.quantization.scale_groups import ScaleGroup
from edgetool.quantization.statistics import ActivationStatistics, not_finite

Progress = Callable[[int, int, str], None]
Samples = Mapping[str, npt.NDArray[Any]]
Statistics = tuple[ActivationStatistics, ...]

MOST_WORKERS = 4
WORKERS_BYTES = 32 << 20  # of activations of all workers together
_BLOCK_SAMPLES = 8  # of each worker between two reports of progress


@dataclass(frozen=True)
class Watched:
    """The graph's values to look at, and by group the names of those that belong to it.

    values: those that the graph computes; graph inputs are read from the samples.
    layers: what messages call the layer that computes a value, by the value's name.
    """

    graph: Graph
    values: tuple[ir.Value, ...]
    names: tuple[tuple[str, ...], ...]
    layers: Mapping[str, str]

    @classmethod
    def of(cls, graph: Graph, groups: Sequence[ScaleGroup], samples: Samples) -> Watched:
        """What the groups observe."""
        seen = {str(v.name): v for group in groups for v in group.observed}
        values = tuple(v for name, v in sorted(seen.items()) if name not in samples)
        names = tuple(tuple(str(v.name) for v in group.observed) for group in groups)
        layers = {str(v.name): node_label(node) for v in values if (node := v.producer())}
        return cls(graph, values, names, layers)


def calibrate(
    graph: Graph,
    groups: Sequence[ScaleGroup],
    samples: Samples,
    with_histograms: bool,
    progress: Progress | None = None,
    cache: Path | None = None,
    workers: int | None = None,
) -> Statistics:
    """Statistics of each group's observed values over all samples.

    samples: input name to (samples, *input shape without batch), the graph's own types.
    with_histograms: keep a histogram of each group too, of a part of its elements where there are
    many. Extremes are those of all; the minimum of what a Relu or Clip makes may be taken as 0.
    progress: called with (samples done, samples in all, what is being done).
    cache: folder where the statistics of long passes are kept, finished or not.
    workers: threads with samples of their own; None takes the CPUs at hand, four at most and
    fewer where activations are large.
    Memory does not grow with the number of samples. The graph runs optimised; the result
    depends neither on the number of workers nor on where an earlier run was stopped.
    Raises: DataError for missing inputs or no samples; QuantizationError for NaN or infinity,
    naming value and sample; ModelError when onnxruntime cannot run the graph.
    """
    count = require_samples(graph, samples)
    kept = CalibrationCache.of(cache, graph, samples, with_histograms, [g.name for g in groups])
    done, total = kept.load()
    if done < count:
        watched = Watched.of(graph, groups, samples)
        workers = workers or _affordable_workers(watched)
        watch = _watching(watched, with_histograms)
        for taken, found in _in_blocks(watch, samples, done, count, workers):
            merge_all(total, found)
            kept.save(taken, total, finished=taken == count)
            if progress is not None:
                progress(taken, count, "calibrate")
    elif progress is not None:
        progress(count, count, "calibrate")
    return total


def merge_all(total: Statistics, more: Statistics) -> None:
    """Let each of total take in its counterpart of more."""
    for statistics, found in zip(total, more, strict=True):
        statistics.merge(found)


def require_samples(graph: Graph, samples: Samples) -> int:
    """The number of samples; DataError when there are none or an input has no data."""
    names = [v.name or "" for v in graph.graph.inputs if v.const_value is None]
    missing = [name for name in names if name not in samples]
    if missing:
        raise DataError(
            f"calibration data hold nothing for input '{missing[0]}'",
            details=(f"arrays given: {', '.join(samples) or 'none'}",),
            hints=("name the arrays of the .npz file as the model's inputs",),
        )
    counts = {len(samples[name]) for name in names}
    if counts == {0} or not counts:
        raise DataError("calibration data hold no samples", hints=("give 100 to 500 samples",))
    if len(counts) > 1:
        found = ", ".join(f"{name} {len(samples[name])}" for name in names)
        raise DataError("inputs differ in the number of calibration samples", details=(found,))
    return counts.pop()


# --- sharing out the samples ------------------------------------------------------------------

Watch = Callable[[Samples, range], Statistics]


def _cpus() -> int:
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(found or 1, MOST_WORKERS)


def _affordable_workers(watched: Watched) -> int:
    sizes = [math.prod(static_shape(value) or (0,)) for value in watched.values]
    return max(min(_cpus(), WORKERS_BYTES // max(4 * sum(sizes), 1)), 1)


def _in_blocks(
    watch: Watch, samples: Samples, first: int, count: int, workers: int
) -> Iterator[tuple[int, Statistics]]:
    """(samples done, statistics of the latest ones) until all are done."""
    with ThreadPoolExecutor(workers) as pool:
        while first < count:
            last = min(first + workers * _BLOCK_SAMPLES, count)
            size = math.ceil((last - first) / workers)
            shares = [range(i, min(i + size, last)) for i in range(first, last, size)]
            futures = [pool.submit(watch, samples, share) for share in shares]
            found = [future.result() for future in futures]  # in order: so is the error raised
            for more in found[1:]:
                merge_all(found[0], more)
            first = last
            yield first, found[0]


def _watching(watched: Watched, with_histograms: bool) -> Watch:
    """Takes in what the graph's session shows of the values, and the inputs' elements."""
    session = None
    if watched.values:
        session = ObservedSession(watched.graph, watched.values, with_histograms)
    computed = [str(value.name) for value in watched.values]

    def watch(samples: Samples, share: range) -> Statistics:
        statistics = tuple(ActivationStatistics(with_histograms) for _ in watched.names)
        low, high = np.full(len(computed), np.inf), np.full(len(computed), -np.inf)
        for sample in share:
            feeds = _feeds(samples, sample)
            if session is not None:
                found = session.run(feeds)
                if not found.finite:
                    _require_finite(watched, feeds, sample)
                np.minimum(low, found.minimum, out=low)
                np.maximum(high, found.maximum, out=high)
                _take(statistics, watched, found.elements, sample)
            _update(statistics, watched, feeds, sample)
        _extend(statistics, watched, computed, low, high)
        return statistics

    return watch


def _require_finite(watched: Watched, feeds: Samples, sample: int) -> None:
    """Look at the values themselves: a mean overflows, and a maximum hides NaN.

    Raises: QuantizationError naming the first value in the graph's order that is not finite.
    """
    watching = set(watched.values)
    made = (value for node in watched.graph.graph for value in node.outputs)
    names = [str(value.name) for value in made if value in watching]
    for name, array in ValueSession(watched.graph, names).run(feeds).items():
        if not np.isfinite(array).all():
            raise not_finite(name, array, sample, watched.layers.get(name, ""))


def _extend(
    statistics: Statistics,
    watched: Watched,
    computed: Sequence[str],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
) -> None:
    place = {name: index for index, name in enumerate(computed)}
    for group, names in zip(statistics, watched.names, strict=True):
        for index in (place[name] for name in names if name in place):
            group.extend(float(low[index]), float(high[index]))
        group.flush()


def _take(statistics: Statistics, watched: Watched, elements: Samples, sample: int) -> None:
    for group, names in zip(statistics, watched.names, strict=True):
        for name in names:
            if name in elements:
                group.take(elements[name], sample)


def _update(
    statistics: Statistics, watched: Watched, values: Mapping[str, npt.NDArray[Any]], sample: int
) -> None:
    for group, names in zip(statistics, watched.names, strict=True):
        for name in names:
            if name in values:
                group.update(name, values[name], sample, watched.layers.get(name, ""))


def _feeds(samples: Samples, sample: int) -> dict[str, npt.NDArray[Any]]:
    return {name: array[sample : sample + 1] for name, array in samples.items()}
