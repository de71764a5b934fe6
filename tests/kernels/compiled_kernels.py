"""The portable C kernels on this machine: compiled once with sanitizers, called as KernelCalls."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.program.operator import KernelCall
from edgetool.program.tensor import Tensor

Array = npt.NDArray[Any]

OK, BAD_ARG = 0, 1
KERNELS = Path(__file__).parents[2] / "targets" / "portable" / "kernels"
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wconversion")
SANITIZERS = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
FLAGS = ("-std=c99", "-ffreestanding", "-O1", "-g", "-fPIC", "-shared", "-ffp-contract=off")
# AddressSanitizer must be loaded before Python: only a process started for it can have it.
EXTRA_SANITIZER = os.environ.get("EDGETOOL_KERNEL_SANITIZER")
GUARD = 64  # bytes around each output that must stay as they are


class CompiledKernels:
    """A shared library with every kernel of the portable folder, or of a core's and that."""

    def __init__(self, library: Path) -> None:
        self.library = ctypes.CDLL(str(library))

    @classmethod
    def build(
        cls,
        compiler: str,
        folder: Path,
        layers: Sequence[Path] = (KERNELS,),
        functions: Collection[str] = (),
    ) -> CompiledKernels:
        """Compile the kernels into folder. layers: kernel folders, most specific first.

        functions: those kernels only, and the files that headers bring.
        """
        library = folder / "kernels.so"
        for layer in reversed(layers):
            for file in (*layer.glob("*.c"), *layer.glob("*.h")):
                shutil.copy(file, folder)
        sources = [
            str(file)
            for file in sorted(folder.glob("*.c"))
            if not functions or file.stem in functions or file.stem.startswith("edge_")
        ]
        extra = [f"-fsanitize={EXTRA_SANITIZER}"] if EXTRA_SANITIZER else []
        subprocess.run(
            [compiler, *FLAGS, *WARNINGS, *SANITIZERS, *extra, *sources, "-o", str(library)],
            check=True,
        )
        return cls(library)

    def run(
        self, call: KernelCall, inputs: Sequence[Array | None], outputs: Iterable[Tensor]
    ) -> tuple[Array, ...]:
        """The outputs of one sample. Each lies between guard bytes, which must survive."""
        buffers = [Guarded(tensor) for tensor in outputs]
        code = self.call(call, inputs, [buffer.address for buffer in buffers])
        if code != OK:
            raise AssertionError(f"{call.function} returned {code}")
        return tuple(buffer.contents() for buffer in buffers)

    def call(
        self,
        call: KernelCall,
        inputs: Sequence[Array | None],
        outputs: Sequence[int],
        parameters: Mapping[str, Any] | None = None,
        input_addresses: Mapping[int, int] | None = None,
    ) -> int:
        """The return code. outputs: addresses.   parameters: instead of the call's own.

        input_addresses: of inputs, by index, that are in memory already.
        """
        values = pack(call.parameters if parameters is None else parameters)
        kept = {name: np.ascontiguousarray(array) for name, array in call.constants.items()}
        fed = [None if array is None else np.array(array, order="C") for array in inputs]
        scratch = np.zeros(call.scratch_bytes + 16, np.uint8)
        pointers: list[int | None] = []
        for argument in call.arguments:
            if argument.role == "parameters":
                pointers.append(ctypes.addressof(values))
            elif argument.role == "constant":
                pointers.append(kept[argument.name].ctypes.data if argument.name else None)
            elif argument.role == "output":
                pointers.append(outputs[argument.index])
            elif argument.role == "scratch":
                pointers.append((scratch.ctypes.data + 15) // 16 * 16)
            elif argument.index in (input_addresses or {}):
                pointers.append((input_addresses or {})[argument.index])
            else:
                contents = fed[argument.index]
                pointers.append(None if contents is None else contents.ctypes.data)
        return int(getattr(self.library, call.function)(*map(ctypes.c_void_p, pointers)))


class Guarded:
    """Memory for a tensor with guard bytes before and after."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.bytes = np.full(tensor.nbytes + 2 * GUARD, 0xA5, np.uint8)

    @property
    def address(self) -> int:
        """Of the tensor's first byte."""
        return int(self.bytes.ctypes.data) + GUARD

    def contents(self) -> Array:
        """The tensor; checks the guards."""
        edges = np.concatenate([self.bytes[:GUARD], self.bytes[-GUARD:]])
        if not (edges == 0xA5).all():
            raise AssertionError(f"bytes beside '{self.tensor.name}' were written")
        inner = self.bytes[GUARD:-GUARD].tobytes()
        return np.frombuffer(inner, self.tensor.dtype).reshape(self.tensor.shape)

    def is_untouched(self) -> bool:
        """Whether nothing was written."""
        return bool((self.bytes == 0xA5).all())


def pack(parameters: Mapping[str, Any]) -> ctypes.Structure:
    """The parameters struct: int32_t, float, or an array of int32_t, in the mapping's order."""
    fields = [(name, _c_type(value)) for name, value in parameters.items()]
    struct = type("parameters", (ctypes.Structure,), {"_fields_": fields})()
    for (name, c_type), value in zip(fields, parameters.values(), strict=True):
        setattr(struct, name, c_type(*value) if isinstance(value, tuple) else value)
    return struct  # type: ignore[no-any-return]


def _c_type(value: Any) -> Any:
    if isinstance(value, tuple):
        return ctypes.c_int32 * len(value)
    return ctypes.c_float if isinstance(value, float) else ctypes.c_int32
