"""What calibration remembers of an activation: extremes, and a histogram where one is needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import QuantizationError
from edgetool.quantization.histogram import Histogram

# Of an activation with more elements than this in a sample, a histogram counts a part.
_ENOUGH = 1 << 15
_LONGEST_STRIDE = 7


class ActivationStatistics:
    """Extremes of all values seen, and their histogram if asked for; constant memory.

    Large activations enter the histogram in part: at least 32768 elements of each sample, at
    least one in seven, evenly spread and others in each sample. Extremes are those of all.
    """

    def __init__(self, with_histogram: bool) -> None:
        self.minimum = math.inf
        self.maximum = -math.inf
        self.histogram = Histogram() if with_histogram else None

    def update(self, name: str, values: npt.NDArray[Any], sample: int, layer: str = "") -> None:
        """Take in one sample's values of tensor name, which layer makes ("": an input).

        Raises: QuantizationError naming tensor, layer and sample when a value is not finite.
        """
        if values.size == 0:
            return
        minimum, maximum = float(values.min()), float(values.max())
        if not (math.isfinite(minimum) and math.isfinite(maximum)):
            raise not_finite(name, values, sample, layer)
        self.extend(minimum, maximum)
        if self.histogram is not None:
            self.histogram.update(_spread(values.reshape(-1), sample), minimum, maximum)

    def extend(self, minimum: float, maximum: float) -> None:
        """Take in the extremes of further values."""
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)

    @property
    def constant(self) -> float | None:
        """The one value that every element has, None when they differ."""
        return self.minimum if self.minimum == self.maximum else None

    def merge(self, other: ActivationStatistics) -> None:
        """Take in all that another one has seen; the order of merging does not matter."""
        self.extend(other.minimum, other.maximum)
        if self.histogram is not None and other.histogram is not None:
            self.histogram.merge(other.histogram)


def _spread(flat: npt.NDArray[Any], sample: int) -> npt.NDArray[Any]:
    """Every stride-th element; strides are odd, so that no column of an image is left out."""
    stride = max(min((flat.size // _ENOUGH - 1) | 1, _LONGEST_STRIDE), 1)
    return flat[sample % stride :: stride]


def not_finite(
    name: str, values: npt.NDArray[Any], sample: int, layer: str = ""
) -> QuantizationError:
    """The error for a tensor that holds NaN or infinity in a calibration sample."""
    bad = values[~np.isfinite(values)]
    of_layer = f" of layer {layer}" if layer else ""
    return QuantizationError(
        f"activation '{name}'{of_layer} holds {bad[0]} for calibration sample {sample}",
        details=(f"{bad.size} of {values.size} values are not finite",),
        hints=(
            "check the sample: values far outside the training data overflow",
            "check the float model with the same input",
        ),
    )
