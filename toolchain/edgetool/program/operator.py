"""Operator: what one step of a Program computes, as plain parameters.

Each file in program/ops/ defines one subclass: its parameters, its execution in NumPy (the
definition of the right answer), its cost, its C kernel call, and how ONNX nodes lower to it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edgetool.program.tensor import Tensor

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Clamp:
    """A fused activation as the real interval that results are clamped to."""

    minimum: float = -math.inf
    maximum: float = math.inf

    @property
    def is_none(self) -> bool:
        """Whether nothing is clamped."""
        return self.minimum == -math.inf and self.maximum == math.inf

    def integer_bounds(self, output: Tensor) -> tuple[int, int]:
        """The clamp in output's integers, inclusive, within the range of its dtype.

        Source: LiteRT CalculateActivationRangeQuantized: zero_point + round(bound / scale),
        computed in float32, halves away from zero.
        """
        info = np.iinfo(output.dtype)
        low, high = int(info.min), int(info.max)
        if self.minimum != -math.inf:
            low = max(low, quantize_bound(self.minimum, output))
        if self.maximum != math.inf:
            high = min(high, quantize_bound(self.maximum, output))
        return low, max(low, high)


def quantize_bound(bound: float, output: Tensor) -> int:
    """bound as an integer of output, unclamped; halves round away from zero."""
    ratio = float(np.float32(bound) / output.scale)
    return output.zero_point + int(math.copysign(math.floor(abs(ratio) + 0.5), ratio))


@dataclass(frozen=True)
class Step:
    """What an operator sees when it runs in NumPy.

    values: one array an input, in order, None for an absent optional input. Activations have
    a leading sample axis (samples, *tensor.shape); constants do not.
    inputs, outputs: the tensors behind them (type, shape without the sample axis, quantization).
    """

    values: tuple[Array | None, ...]
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def output(self) -> Tensor:
        """The first output's tensor."""
        return self.outputs[0]

    def value(self, index: int) -> Array:
        """The contents of a required input."""
        found = self.values[index]
        if found is None:
            raise ValueError(f"input {index} is absent")
        return found

    def tensor(self, index: int) -> Tensor:
        """The tensor of a required input."""
        found = self.inputs[index]
        if found is None:
            raise ValueError(f"input {index} is absent")
        return found

    def has(self, index: int) -> bool:
        """Whether the optional input is there."""
        return index < len(self.values) and self.values[index] is not None


@dataclass(frozen=True)
class Argument:
    """One argument of a C kernel call: role is "input", "output", "constant", "parameters" or
    "scratch"; index is of the operation's inputs or outputs; name is of a constant."""

    role: str
    index: int = 0
    name: str = ""


@dataclass(frozen=True)
class KernelCall:
    """A call of the C kernel in targets/<core>/kernels/<function>.c.

    parameters: the fields of the kernel's `<function>_params` struct in C's order: int, float,
    or a tuple of ints for a small array; parameter_bytes: of one.   constants: arrays that the
    exporter emits, by name.
    arguments: in the order of the C signature.   scratch_bytes: what "scratch" must point to.
    lead_bytes: by input index, how many bytes after the first output the input must begin at
    least where the two overlap, so that no byte is written that is still to be read; 0 allows
    both at one address. An input that is not named must not overlap. Where they do overlap, the
    distance of their beginnings is a multiple of lead_multiple.
    template, defines: where the function is made for one geometry: an instance of
    <template>_body.h with these macros, and the struct is <template>_params.
    """

    function: str
    arguments: tuple[Argument, ...]
    parameters: Mapping[str, int | float | tuple[int, ...]] = field(default_factory=dict)
    constants: Mapping[str, Array] = field(default_factory=dict)
    scratch_bytes: int = 0
    lead_bytes: Mapping[int, int] = field(default_factory=dict)
    lead_multiple: int = 1
    template: str = ""
    defines: Mapping[str, int] = field(default_factory=dict)
    parameter_bytes: int = 4


def integer_kernel(kind: str, tensor: Tensor) -> str:
    """The name of a kind's C kernel for the int8 or int16 elements of tensor."""
    return f"{kind}_{'s16' if tensor.dtype == 'int16' else 's8'}"


class Operator(ABC):
    """Parameters of one kind of operation. Subclasses are frozen dataclasses of plain values.

    kind: the name used in reports, in the serialized Program and in kernel names.
    """

    kind: ClassVar[str]

    @abstractmethod
    def execute(self, step: Step) -> Sequence[Array]:
        """The outputs, each (samples, *output.shape) in the output's dtype."""

    @abstractmethod
    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """The C call; None when the operation costs nothing (a view of its input).

        Raises: UnsupportedOperatorError when no kernel exists for these types.
        """

    def macs(self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]) -> int:
        """Multiply-accumulates of one inference."""
        return 0

    @property
    def is_view(self) -> bool:
        """Whether the output is the input's bytes under another shape."""
        return False
