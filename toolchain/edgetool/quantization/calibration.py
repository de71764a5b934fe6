"""One float pass over the calibration samples, watching the values that will be quantized."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
import onnxruntime

from edgetool.errors import DataError, ModelError
from edgetool.graph import Graph
from edgetool.quantization.scale_groups import ScaleGroup
from edgetool.quantization.statistics import ActivationStatistics

Progress = Callable[[int, int, str], None]
Samples = Mapping[str, npt.NDArray[Any]]


def calibrate(
    graph: Graph,
    groups: Sequence[ScaleGroup],
    samples: Samples,
    with_histograms: bool,
    progress: Progress | None = None,
) -> tuple[ActivationStatistics, ...]:
    """Statistics of each group's observed values over all samples.

    samples: input name to (samples, *input shape without batch), the graph's own types.
    with_histograms: keep a histogram of each group too.
    progress: called with (samples done, samples in all, what is being done).
    Memory does not grow with the number of samples. onnxruntime runs the graph optimised and on
    one thread, so that the same data give the same scales.
    Raises: DataError for missing inputs or no samples; QuantizationError for NaN or infinity,
    naming value and sample; ModelError when onnxruntime cannot run the graph.
    """
    count = require_samples(graph, samples)
    statistics = tuple(ActivationStatistics(with_histograms) for _ in groups)
    watched = [(i, v.name or "") for i, group in enumerate(groups) for v in group.observed]
    computed = sorted({name for _, name in watched} - set(samples))
    session = _session(graph, computed) if computed else None
    for sample in range(count):
        feeds = {name: array[sample : sample + 1] for name, array in samples.items()}
        values = dict(feeds)
        if session is not None:
            values.update(zip(computed, _run(session, computed, feeds), strict=True))
        for index, name in watched:
            statistics[index].update(name, values[name], sample)
        if progress is not None:
            progress(sample + 1, count, "calibrate")
    return statistics


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


def _session(graph: Graph, names: Sequence[str]) -> onnxruntime.InferenceSession:
    """A session whose outputs are the named values and nothing else."""
    proto = ir.serde.to_proto(graph.model)
    del proto.graph.output[:]
    for name in names:
        proto.graph.output.add().name = name
        proto.graph.output[-1].type.tensor_type.elem_type = ir.DataType.FLOAT
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise _cannot_run(error) from error


def _run(
    session: onnxruntime.InferenceSession, names: Sequence[str], feeds: Samples
) -> list[npt.NDArray[Any]]:
    wanted = {value.name for value in session.get_inputs()}
    contiguous = {k: np.ascontiguousarray(v) for k, v in feeds.items() if k in wanted}
    try:
        return list(session.run(list(names), contiguous))
    except Exception as error:  # see above
        raise _cannot_run(error) from error


def _cannot_run(error: Exception) -> ModelError:
    return ModelError(
        "onnxruntime cannot run the float model on the calibration data",
        details=(str(error).strip().splitlines()[0],),
        hints=("check that the samples have the model's input shape and type",),
    )
