"""Count executed blocks in unicorn: in machine code, or slowly in Python. Only in its process."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
from typing import Any, TypeAlias

from edgetool.runtimes.bare_metal.blocks import CCounter, Counts

unicorn: Any = importlib.import_module("unicorn")

Json: TypeAlias = dict[str, Any]
Engine: TypeAlias = Any
"""unicorn.Uc, which has no types."""

INSTRUCTION_LIMIT_BYTES = 1 << 40
"""Executed bytes of code after which a run is taken for endless: hours."""


class CHook:
    """Blocks counted by machine code (unicorn_hook.c)."""

    def __init__(self, engine: Engine, request: Json) -> None:
        binding = importlib.import_module("unicorn.unicorn_py3.unicorn")
        library = ctypes.CDLL(request["hook"])
        self.counter = CCounter(
            start=request["model"][0], end=request["model"][1], limit_bytes=INSTRUCTION_LIMIT_BYTES
        )
        self.counter.progress.run_start, self.counter.progress.run_end = request["run_range"]
        self.counter.stop = ctypes.cast(binding.uclib.uc_emu_stop, ctypes.c_void_p)
        handle = ctypes.c_size_t()
        # begin 1 > end 0: everywhere.
        add = ctypes.CDLL(binding.uclib._name).uc_hook_add
        status = add(
            ctypes.c_void_p(_handle(engine)),
            ctypes.byref(handle),
            ctypes.c_int(unicorn.UC_HOOK_BLOCK),
            ctypes.cast(library.edge_count_block, ctypes.c_void_p),
            ctypes.byref(self.counter),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if status != unicorn.UC_ERR_OK:
            raise unicorn.UcError(status)

    def begin(self) -> None:
        """An inference begins."""
        self.counter.progress.part = self.counter.progress.inside = 0

    def counts(self) -> Counts:
        """Since the start. Raises: RuntimeError if the code has more blocks than the table."""
        if self.counter.table.overflow:
            raise RuntimeError("more blocks than block_table.h has room for")
        return self.counter.counts()


class PythonHook:
    """Blocks counted by Python: slow, for machines without a C compiler."""

    def __init__(self, engine: Engine, request: Json) -> None:
        self.blocks: Counts = {}
        self.previous: tuple[int, int, int] | None = None
        self.start, self.end = request["model"]
        self.run_start, self.run_end = request["run_range"]
        self.begin()
        engine.hook_add(unicorn.UC_HOOK_BLOCK, self._count)

    def begin(self) -> None:
        """An inference begins."""
        self.part, self.inside = 0, False

    def _count(self, _: Any, address: int, size: int, __: Any) -> None:
        if self.previous and sum(self.previous[:2]) != address:
            executed, taken = self.blocks[self.previous]
            self.blocks[self.previous] = (executed, taken + 1)
        self.previous = None
        if self.start <= address < self.end:
            inside = self.run_start <= address < self.run_end
            self.part += inside and not self.inside
            self.inside = inside
            block = (address, size, self.part)
            executed, taken = self.blocks.get(block, (0, 0))
            self.blocks[block] = (executed + 1, taken)
            self.previous = block

    def counts(self) -> Counts:
        """Since the start."""
        return dict(self.blocks)


def add_block_hook(engine: Engine, request: Json) -> CHook | PythonHook | None:
    """The hook that request asks for; None if nothing is counted."""
    if not request["count"]:
        return None
    if request["hook"] is not None:
        with contextlib.suppress(OSError, AttributeError, unicorn.UcError):
            return CHook(engine, request)
    return PythonHook(engine, request)


def _handle(engine: Engine) -> int:
    """uc_engine *, which the binding keeps to itself."""
    return int(engine._uch.value)
