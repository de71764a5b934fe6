"""Program: the lowered model, an ordered list of operations on tensors of fixed shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from edgetool.program.operator import KernelCall, Operator
from edgetool.program.tensor import Tensor


@dataclass(frozen=True)
class Operation:
    """One step: an operator bound to tensors by name. An absent optional input is ""."""

    name: str
    operator: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """A model with explicit layout (channels last), types and arithmetic. Batch is 1.

    tensors: every value by name.   operations: in the order of execution.
    inputs, outputs: names of activation tensors, in the source model's order.
    input_names, output_names: the source model's names for them.
    """

    name: str
    tensors: Mapping[str, Tensor]
    operations: tuple[Operation, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]

    def input_tensors(self, operation: Operation) -> tuple[Tensor | None, ...]:
        """The operation's inputs, None where an optional one is absent."""
        return tuple(self.tensors[name] if name else None for name in operation.inputs)

    def output_tensors(self, operation: Operation) -> tuple[Tensor, ...]:
        """The operation's outputs."""
        return tuple(self.tensors[name] for name in operation.outputs)

    def kernel(self, operation: Operation) -> KernelCall | None:
        """The C call of an operation, None for a view."""
        return operation.operator.kernel(
            self.input_tensors(operation), self.output_tensors(operation)
        )

    def macs(self, operation: Operation) -> int:
        """Multiply-accumulates of an operation, one inference."""
        return operation.operator.macs(
            self.input_tensors(operation), self.output_tensors(operation)
        )

    def total_macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(self.macs(operation) for operation in self.operations)

    def constants(self) -> Iterator[Tensor]:
        """The constant tensors."""
        return (tensor for tensor in self.tensors.values() if tensor.is_constant)

    def parameters(self) -> int:
        """Number of elements of weights and biases."""
        return sum(tensor.elements for tensor in self.constants())

    def activations(self) -> Iterator[Tensor]:
        """The tensors that are computed or fed."""
        return (tensor for tensor in self.tensors.values() if not tensor.is_constant)

    def with_name(self, name: str) -> Program:
        """The same program under another name."""
        return replace(self, name=name)
