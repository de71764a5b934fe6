"""What calibration remembers of an activation: extremes, and a histogram where one is needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import QuantizationError
from edgetool.quantization.histogram import Histogram
from edgetool.quantization.observed_session import ENOUGH

_TOGETHER = 1 << 14  # elements that are counted in one go


class ActivationStatistics:
    """Extremes of all values seen, and if asked for a histogram of those taken; constant memory."""

    def __init__(self, with_histogram: bool) -> None:
        self.minimum = math.inf
        self.maximum = -math.inf
        self.histogram = Histogram() if with_histogram else None
        self._waiting: list[npt.NDArray[Any]] = []

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
        self.take(values, sample)
        self.flush()

    def extend(self, minimum: float, maximum: float) -> None:
        """Take in the extremes of further values."""
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)

    @property
    def constant(self) -> float | None:
        """The one value that every element has, None when they differ."""
        return self.minimum if self.minimum == self.maximum else None

    def take(self, values: npt.NDArray[Any], sample: int) -> None:
        """Have the histogram count values, finite, of one sample: at most 3 ENOUGH of them.

        They are evenly spread, and others in each sample. `flush` before the histogram is used.
        """
        if self.histogram is None:
            return
        flat = values.reshape(-1)
        stride = max((flat.size // ENOUGH - 1) | 1, 1)  # odd: no column of an image is left out
        self._waiting.append(np.ascontiguousarray(flat[sample % stride :: stride]))
        if sum(array.size for array in self._waiting) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Count what was taken."""
        if self.histogram is not None and self._waiting:
            values = np.concatenate(self._waiting)
            self.histogram.update(values, float(values.min()), float(values.max()))
        self._waiting = []

    def merge(self, other: ActivationStatistics) -> None:
        """Take in all that another one has seen; the order of merging does not matter."""
        self.extend(other.minimum, other.maximum)
        if self.histogram is not None and other.histogram is not None:
            self.histogram.merge(other.histogram)


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
