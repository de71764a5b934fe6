"""Distances between a runtime's results and the reference's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.program.program import Program
from edgetool.program.tensor import Tensor

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """How far a tensor is from the reference.

    lsb: largest difference in integer steps, None for float tensors.
    relative: largest difference over the reference's largest magnitude, None for integers.
    exact: every bit is the same.
    """

    lsb: int | None
    relative: float | None
    exact: bool

    def within(self, lsb: int, relative: float) -> bool:
        """Whether the tensor is close enough: integers by lsb, floats by relative."""
        if self.lsb is not None:
            return self.lsb <= lsb
        return self.relative is not None and self.relative <= relative

    def worst(self, other: Difference | None) -> Difference:
        """The larger of two differences, part by part."""
        if other is None:
            return self
        return Difference(
            _larger(self.lsb, other.lsb),
            _larger(self.relative, other.relative),
            self.exact and other.exact,
        )


def difference(tensor: Tensor, expected: Array, found: Array) -> Difference:
    """Compare two arrays of a tensor's values, of the same shape."""
    exact = bool(np.array_equal(expected, found))
    if tensor.dtype != "float32":
        step = np.abs(expected.astype(np.int64) - found.astype(np.int64))
        return Difference(int(step.max(initial=0)), None, exact)
    if exact:
        return Difference(None, 0.0, True)
    largest = float(np.max(np.abs(expected), initial=0.0)) or 1.0
    gap = np.abs(expected.astype(np.float64) - found.astype(np.float64))
    # NaN on one side only is as far as can be; np.max carries it on, so it must be caught here.
    worst = float("inf") if np.isnan(gap).any() else float(gap.max(initial=0.0))
    return Difference(None, worst / largest, False)


def worst_of(differences: Mapping[str, Difference]) -> Difference:
    """The largest difference among several tensors."""
    worst: Difference | None = None
    for found in differences.values():
        worst = found.worst(worst)
    return worst or Difference(None, None, True)


def by_operation(program: Program, tensors: Mapping[str, Difference]) -> dict[str, Difference]:
    """The difference of each operation's results, in the order of execution."""
    found = {}
    for operation in program.operations:
        results = {name: tensors[name] for name in operation.outputs if name in tensors}
        if results:
            found[operation.name] = worst_of(results)
    return found


def first_beyond(
    operations: Mapping[str, Difference], lsb: Mapping[str, int], relative: float
) -> tuple[str, Difference] | None:
    """The first operation that is not close enough, with its difference. lsb: by operation."""
    for name, found in operations.items():
        if not found.within(lsb[name], relative):
            return name, found
    return None


def _larger(a: Any, b: Any) -> Any:
    return max((x for x in (a, b) if x is not None), default=None)
