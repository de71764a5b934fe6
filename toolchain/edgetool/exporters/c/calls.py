"""The operations of a program as numbered C calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from edgetool.errors import UnsupportedOperatorError
from edgetool.exporters.c.constants import Constants
from edgetool.exporters.c.literals import C_TYPES, parameter_literal, wrap
from edgetool.exporters.c.names import comment_text
from edgetool.program.memory_plan import MemoryPlan
from edgetool.program.operator import Argument, KernelCall
from edgetool.program.program import Operation, Program
from edgetool.program.storage import Storage
from edgetool.program.tensor import Tensor

BODY = "    "
BLOCK = "        "


@dataclass(frozen=True, eq=False)
class Calls:
    """Writes the statements of <name>_run.

    single_io: input and output are parameters of their own; else arrays of pointers.
    kernels: the call of each operation, None for a view.
    """

    program: Program
    storage: Storage
    plan: MemoryPlan
    constants: Constants
    single_io: bool
    kernels: Sequence[KernelCall | None]

    def statements(self) -> list[str]:
        """Parameters that several operations share, one block for each operation, then the
        outputs that are copies."""
        blocks = [
            self._block(number, operation, call)
            for number, (operation, call) in enumerate(
                zip(self.program.operations, self.kernels, strict=True), start=1
            )
        ]
        copies = [self._copy(name, index) for name, index in self.storage.copies]
        return [*self._shared_parameters(), *blocks, *copies]

    def _block(self, number: int, operation: Operation, call: KernelCall | None) -> str:
        title = f"{BODY}/* {number}. {self.title(operation)} */"
        if call is None:
            return f"{BODY}/* {number}. {self.title(operation)}: a view, nothing to do */"
        arguments = [self._argument(item, operation, call) for item in call.arguments]
        opening = f"status = {call.function}("
        return "\n".join(
            [
                title,
                f"{BODY}{{",
                *(() if self._shared_name(call) else [declaration(call, "p", BLOCK)]),
                f"{BLOCK}{wrap([opening + arguments[0], *arguments[1:]], ',', BLOCK + BODY)});",
                f"{BLOCK}if (status != EDGE_OK)",
                f"{BLOCK}{BODY}return status;",
                f"{BLOCK}EDGE_AFTER_LAYER({number});",
                f"{BODY}}}",
            ]
        )

    @cached_property
    def _shared(self) -> dict[str, str]:
        """C names of the parameters that several calls have in common, by their declaration."""
        alike = Counter(declaration(call, "p", BODY) for call in self.kernels if call is not None)
        several = [text for text, count in alike.items() if count > 1]
        return {text: f"p{number}" for number, text in enumerate(several, start=1)}

    def _shared_name(self, call: KernelCall) -> str:
        """The name of the call's parameters where others have the same, "" otherwise."""
        return self._shared.get(declaration(call, "p", BODY), "")

    def _shared_parameters(self) -> list[str]:
        found = [text.replace(" p = {", f" {name} = {{", 1) for text, name in self._shared.items()]
        return ["\n".join(found)] if found else []

    def title(self, operation: Operation) -> str:
        """Layer name, kind, shapes and MACs."""
        outputs = self.program.output_tensors(operation)
        first = self.program.input_tensors(operation)[0]
        came = f"{shape_text(first)} -> " if first is not None else ""
        went = ", ".join(shape_text(tensor) for tensor in outputs)
        macs = self.program.macs(operation)
        cost = f", {macs:,} MACs" if macs else ""
        kind = operation.operator.kind
        return f"{comment_text(operation.name)}: {kind} {came}{went}{cost}"

    def _argument(self, argument: Argument, operation: Operation, call: KernelCall) -> str:
        if argument.role == "parameters":
            return f"&{self._shared_name(call) or 'p'}"
        if argument.role == "constant":
            return self._constant(argument.name, operation, call)
        if argument.role == "scratch":
            return f"(void *)(arena + {self.plan.scratch_offsets[operation.name]})"
        if argument.role == "input":
            return self._read(operation.inputs[argument.index])
        if argument.role == "output":
            return self._written(operation.outputs[argument.index])
        raise UnsupportedOperatorError(
            f"layer {operation.name}: kernel argument of role '{argument.role}'"
        )

    def _constant(self, name: str, operation: Operation, call: KernelCall) -> str:
        if not name:
            return "NULL"
        return self.constants.add(f"{operation.name}_{name}", call.constants[name])

    def _read(self, name: str) -> str:
        """The address of an input, NULL when it is absent."""
        if not name:
            return "NULL"
        place = self.storage.place(name)
        if place.room == "constant":
            tensor = self.program.tensors[self.storage.roots[name]]
            if tensor.data is None:
                raise ValueError(f"constant '{name}' has no contents")
            return self.constants.add(tensor.name, tensor.data)
        if place.room == "input":
            return self._port("input", place.index, "const void *", name)
        if place.room == "output":
            return self._port("output", place.index, "const void *", name)
        return f"(const void *)(arena + {self.plan.offsets[name]})"

    def _written(self, name: str) -> str:
        """The address of an output; one that nobody reads lives in the arena too."""
        place = self.storage.place(name)
        if place.room == "output":
            return self._port("output", place.index, "void *", name)
        return f"(void *)(arena + {self.plan.offsets[name]})"

    def _port(self, noun: str, index: int, pointer: str, name: str = "") -> str:
        """The caller's buffer as a pointer, at the place of the tensor within it."""
        names = self.program.inputs if noun == "input" else self.program.outputs
        offset = self.storage.offsets[name] if name else 0
        buffer = noun if self.single_io else f"{noun}s[{index}]"
        is_bytes = self.single_io and self.program.tensors[names[0]].dtype == "int8"
        if offset and not is_bytes:
            byte = pointer.replace("void", "uint8_t")
            return f"({pointer})(({byte}){buffer} + {offset})"
        if offset:
            return f"{buffer} + {offset}"
        return buffer if is_bytes or not self.single_io else f"({pointer}){buffer}"

    def _copy(self, name: str, index: int) -> str:
        tensor = self.program.tensors[name]
        target = self._port("output", index, "void *")
        return (
            f"{BODY}/* output {comment_text(name)} is computed elsewhere */\n"
            f"{BODY}memcpy({target}, {self._read(name)}, {tensor.nbytes});"
        )


def declaration(call: KernelCall, name: str, indent: str) -> str:
    """The parameters of a call as a constant."""
    fields = [f".{field} = {parameter_literal(p)}" for field, p in call.parameters.items()]
    return "\n".join(
        [
            f"{indent}static const {call.function}_params {name} = {{",
            f"{indent}{BODY}{wrap(fields, ',', indent + BODY)},",
            f"{indent}}};",
        ]
    )


def shape_text(tensor: Tensor) -> str:
    """The shape without spaces: 1x25x5x64."""
    return "x".join(map(str, tensor.shape)) or "scalar"


def c_type(tensor: Tensor) -> str:
    """The C type of the elements."""
    return C_TYPES[tensor.dtype]
