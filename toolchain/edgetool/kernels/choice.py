"""Chooses the kernel of every operation of a program."""

from __future__ import annotations

import importlib
import importlib.util
import tomllib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from edgetool.errors import PackError
from edgetool.program.few_bits import refuse_few_bits
from edgetool.program.memory_plan import MemoryPlan, plan_memory
from edgetool.program.operator import KernelCall, Operator
from edgetool.program.program import Operation, Program
from edgetool.program.storage import storage_of
from edgetool.program.tensor import Tensor

LIST = "kernels.toml"
OPTIMIZE = ("balanced", "speed", "size")
"""What a choice of kernels may aim at: fewest instructions with the weights at about their own
size, fewest instructions whatever flash they take, or least flash."""

Make = Callable[[Any, Sequence[Tensor | None], Sequence[Tensor]], KernelCall | None]
"""A variant's `call(operator, inputs, outputs)`: None where it does not apply."""


def choose_kernels(
    program: Program, folders: Sequence[Path], optimize: str = "balanced"
) -> dict[str, KernelCall | None]:
    """The C call of every operation by its name, None for one that has nothing to do.

    folders: kernel folders, most specific first.   optimize: one of OPTIMIZE; a variant that
    names its own `OPTIMIZE` serves only those, one with `PACKED_WEIGHTS` only weights of 4 bits.
    Raises: PackError for a list that names an unknown variant; UnsupportedOperatorError for an
    operation without any kernel.
    """
    refuse_few_bits(program, "generated C")
    silent = storage_of(program).silent
    known: dict[Hashable, KernelCall | None] = {}
    calls: dict[str, KernelCall | None] = {}
    for operation in program.operations:
        key = None if operation.name in silent else _signature(program, operation)
        if key is not None and key not in known:
            known[key] = _choose(program, operation, folders, optimize)
        calls[operation.name] = known.get(key)
    return calls


def _signature(program: Program, operation: Operation) -> Hashable:
    """The same for operations that compute the same of tensors in other places."""
    tensors = (*program.input_tensors(operation), *program.output_tensors(operation))
    facts = tuple(
        None if t is None else (t.shape, t.dtype, id(t.quantization), id(t.data)) for t in tensors
    )
    return operation.operator, facts


def plan_with_kernels(
    program: Program, folders: Sequence[Path], optimize: str = "balanced"
) -> MemoryPlan:
    """The memory plan with the scratch that the chosen kernels ask for."""
    return plan_memory(program, choose_kernels(program, folders, optimize))


def scratch_of(calls: Mapping[str, KernelCall | None]) -> dict[str, int]:
    """Scratch bytes by operation name, of those that need any."""
    needed = {name: call.scratch_bytes for name, call in calls.items() if call is not None}
    return {name: size for name, size in needed.items() if size}


@lru_cache(maxsize=64)
def listed(folder: Path) -> tuple[str, ...]:
    """The variants that a kernel folder lists, best first; none where it has no list."""
    path = folder / LIST
    if not path.is_file():
        return ()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        names = [str(name) for name in content["variants"]]
    except (ValueError, KeyError, TypeError) as error:
        raise PackError(f"{path}: not a list of kernel variants: {error}") from error
    for name in names:
        if not name.isidentifier() or importlib.util.find_spec(f"{__package__}.{name}") is None:
            raise PackError(f"{path}: variant '{name}' is not known")
    return tuple(names)


def _choose(
    program: Program, operation: Operation, folders: Sequence[Path], optimize: str
) -> KernelCall | None:
    """The first variant that applies, unless a more specific folder has the general kernel."""
    inputs, outputs = program.input_tensors(operation), program.output_tensors(operation)
    operator: Operator = operation.operator
    general = operator.kernel(inputs, outputs)
    is_packed = _has_packed_weights(inputs)
    for folder in folders:
        for name in listed(folder):
            variant = _variant(name)
            if variant.serves(operator.kind, is_packed, optimize):
                found = variant.call(operator, inputs, outputs)
                if found is not None:
                    return found
        if general is not None and (folder / f"{general.function}.c").is_file():
            return general
    return general


def _has_packed_weights(inputs: Sequence[Tensor | None]) -> bool:
    return any(tensor is not None and tensor.dtype == "int4" for tensor in inputs)


@dataclass(frozen=True)
class _Variant:
    kinds: frozenset[str]
    optimize: frozenset[str]
    is_packed: bool
    call: Make

    def serves(self, kind: str, is_packed: bool, optimize: str) -> bool:
        """Whether it is worth asking. is_packed: whether the weights are int4."""
        return kind in self.kinds and optimize in self.optimize and is_packed == self.is_packed


@lru_cache(maxsize=64)
def _variant(name: str) -> _Variant:
    module = importlib.import_module(f"{__package__}.{name}")
    aims = getattr(module, "OPTIMIZE", OPTIMIZE)
    is_packed = getattr(module, "PACKED_WEIGHTS", False)
    return _Variant(frozenset(module.KINDS), frozenset(aims), is_packed, module.call)
