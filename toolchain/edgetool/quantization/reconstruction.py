"""Integer weights and bias of one layer, chosen so that it gives the float layer's outputs.

The layer is given what the quantized network feeds it: the bias then also makes up for the mean
error of the layers in front.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.quantization.parameters import INT8_MAX
from edgetool.quantization.weight_rounding import damped, round_by_error

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class LayerProblem:
    """A layer as matmuls, one for each group.

    inputs: what it reads in the quantized network, float32 (groups, positions, k).
    targets: means of the float layer's outputs, bias included, (groups, outputs).
    weights: float, (groups, outputs, k).   scale: of the integers, (groups, outputs).
    has_bias: whether a bias can take up a mean.
    """

    inputs: Array
    targets: Array
    weights: Array
    scale: Array
    has_bias: bool


@dataclass(frozen=True, eq=False)
class LayerSolution:
    """codes: int8 (groups, outputs, k).   bias: (groups, outputs), None for a layer without."""

    codes: Array
    bias: Array | None


def solve(problem: LayerProblem, limit: int = INT8_MAX) -> LayerSolution:
    """Integer weights within ±limit, and the bias that gives the targets."""
    inputs, mean = problem.inputs, problem.inputs.mean(axis=1, dtype=np.float64)
    products = (np.swapaxes(inputs, 1, 2) @ inputs).astype(np.float64) / inputs.shape[1]
    # The bias takes up what an error of weights does in the mean: only the rest is to be small.
    covariance = products - mean[:, :, None] * mean[:, None, :] if problem.has_bias else products
    weights = problem.weights.astype(np.float64)
    codes = round_by_error(weights, problem.scale, damped(covariance), limit)
    return _with_bias(problem, codes, mean)


def set_bias(problem: LayerProblem, limit: int = INT8_MAX) -> LayerSolution:
    """Each weight rounded by itself, and the bias that gives the targets."""
    nearest = np.rint(problem.weights / problem.scale[:, :, None])
    codes = np.clip(nearest, -limit, limit).astype(np.int8)
    return _with_bias(problem, codes, problem.inputs.mean(axis=1, dtype=np.float64))


def _with_bias(problem: LayerProblem, codes: Array, mean: Array) -> LayerSolution:
    """mean: of the inputs, (groups, k)."""
    if not problem.has_bias:
        return LayerSolution(codes, None)
    real = codes * problem.scale[:, :, None]
    return LayerSolution(codes, problem.targets - (real @ mean[:, :, None])[:, :, 0])
