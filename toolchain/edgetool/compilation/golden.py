"""Golden inputs: a few samples that travel with an artifact so that it can prove itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.artifact import Port
from edgetool.data import Dataset
from edgetool.program.boundary import to_program
from edgetool.program.program import Program

SAMPLES = 4
SEED = 20240
NOISE = "seeded uniform values"


def golden_samples(
    inputs: tuple[Port, ...], dataset: Dataset | None, program: Program | None
) -> dict[str, npt.NDArray[Any]]:
    """Samples by port name, (samples, *port shape), in the artifact's own type.

    Evenly spaced samples of the data at hand, else seeded uniform values over the whole integer
    range (or [-1, 1] for float inputs): these exercise arithmetic, not accuracy.
    """
    if dataset is None:
        return {port.name: _uniform(port, index) for index, port in enumerate(inputs)}
    chosen = np.unique(np.linspace(0, dataset.samples - 1, SAMPLES).astype(int))
    picked = {name: array[chosen] for name, array in dataset.inputs.items()}
    if program is None:
        return {port.name: _with_batch(picked[port.name], port) for port in inputs}
    return _by_port(program, to_program(program, picked))


def _by_port(
    program: Program, values: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    names = zip(program.inputs, program.input_names, strict=True)
    return {source: values[name] for name, source in names}


def _with_batch(array: npt.NDArray[Any], port: Port) -> npt.NDArray[Any]:
    return array.reshape(len(array), *port.shape).astype(port.dtype)


def _uniform(port: Port, index: int) -> npt.NDArray[Any]:
    random = np.random.default_rng(SEED + index)
    shape = (SAMPLES, *port.shape)
    if np.issubdtype(np.dtype(port.dtype), np.integer):
        info = np.iinfo(port.dtype)
        return random.integers(info.min, info.max + 1, shape).astype(port.dtype)
    return random.uniform(-1, 1, shape).astype(port.dtype)
