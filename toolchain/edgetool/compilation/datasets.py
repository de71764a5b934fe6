"""The data of a compile: calibration and evaluation, checked against the model and each other."""

from __future__ import annotations

import numpy as np

from edgetool.compilation.ports import port_specs
from edgetool.compilation.request import CompileRequest
from edgetool.data import Dataset, InputSpec, load_data
from edgetool.errors import DataError, ModelError
from edgetool.graph import Graph
from edgetool.metrics import choose_metric

SPREAD_RATIO = 16.0
"""Two sets of samples whose standard deviations differ by more were not scaled alike: the usual
slip is 255 (pixels as 0..255 and as 0..1), the usual difference between splits is far below 2."""


def load_datasets(request: CompileRequest, graph: Graph) -> tuple[Dataset | None, Dataset | None]:
    """(calibration, evaluation) in the source model's own layout and type.

    Raises: ModelError for an input without a fixed shape or with a batch; DataError for data that
    do not fit it, hold one constant, or are scaled unlike each other; UsageError for --metric.
    """
    specs = port_specs(graph, request.shapes)
    for spec in specs:
        refuse_batch(spec)
    calibration = load_data(request.calibrate, specs) if request.calibrate else None
    evaluation = load_data(request.evaluate, specs) if request.evaluate else None
    if calibration is not None:
        _refuse_constant(calibration)
    if calibration is not None and evaluation is not None:
        _refuse_other_scale(calibration, evaluation)
    if evaluation is not None and request.metric is not None:
        choose_metric(request.metric, {}, evaluation)
    return calibration, evaluation


def refuse_batch(spec: InputSpec) -> None:
    """Programs, golden inputs and data hold one sample at a time.

    Raises: ModelError for an input whose first dimension is not a batch of 1.
    """
    if spec.shape[:1] == (1,):
        return
    dims = "x".join(map(str, spec.shape)) or "a scalar"
    if len(spec.shape) < 2:
        raise ModelError(
            f"input '{spec.name}' is {dims}: its first dimension must be a batch of 1",
            hints=("export the model with a batch dimension",),
        )
    single = ",".join(map(str, (1, *spec.shape[1:])))
    raise ModelError(
        f"input '{spec.name}' is {dims}, a batch of {spec.shape[0]}: "
        "models take one sample at a time",
        hints=(f"--shape {spec.name}={single}",),
    )


def _refuse_constant(calibration: Dataset) -> None:
    """Samples that never change show no range at all."""
    arrays = calibration.inputs.values()
    if any(array.min() != array.max() for array in arrays):
        return
    name, array = next(iter(calibration.inputs.items()))
    raise DataError(
        f"'{calibration.path}' holds nothing but {array.reshape(-1)[0]:g} for input '{name}': "
        "it shows no range",
        hints=("real samples, preprocessed as in training",),
    )


def _refuse_other_scale(calibration: Dataset, evaluation: Dataset) -> None:
    for name, array in calibration.inputs.items():
        other = evaluation.inputs[name]
        spreads = [float(np.std(each, dtype=np.float64)) for each in (array, other)]
        low, high = sorted(spreads)
        if array.dtype.kind == "f" and low > 0 and low * SPREAD_RATIO < high:
            raise DataError(
                f"calibration and evaluation data are not scaled alike for input '{name}'",
                details=(
                    f"'{calibration.path}': {array.min():g} to {array.max():g}",
                    f"'{evaluation.path}': {other.min():g} to {other.max():g}",
                ),
                hints=("preprocess both as in training",),
            )
