"""Count executed blocks in unicorn: in machine code, or slowly in Python. Only in its process."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
from typing import Any, TypeAlias

from edgetool.runtimes.bare_metal.blocks import LINES_MAX, CCounter, Counts

unicorn: Any = importlib.import_module("unicorn")
arm_const: Any = importlib.import_module("unicorn.arm_const")

Json: TypeAlias = dict[str, Any]
Engine: TypeAlias = Any
"""unicorn.Uc, which has no types."""

IT_STATE = 0x0600_FC00
"""Of an Arm status register: the conditions of the instructions that follow (DDI 0406C, B1.3.3)."""

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
        self.counter.read_register = ctypes.cast(binding.uclib.uc_reg_read, ctypes.c_void_p)
        self.counter.write_register = ctypes.cast(binding.uclib.uc_reg_write, ctypes.c_void_p)
        if request["architecture"] == "arm":
            self.counter.status_register = arm_const.UC_ARM_REG_CPSR
            self.counter.conditions = IT_STATE
        for cache, (unit_bytes, lines) in request["caches"].items():
            counted = getattr(self.counter, cache)
            counted.unit_bytes, counted.lines = unit_bytes, min(max(1, lines), LINES_MAX)
        # begin 1 > end 0: everywhere.
        self._add(engine, unicorn.UC_HOOK_BLOCK, library.edge_count_block, (1, 0))
        if "constants" in request["caches"]:
            within = (self.counter.start, self.counter.end - 1)
            self._add(engine, unicorn.UC_HOOK_MEM_READ, library.edge_count_read, within)

    def _add(self, engine: Engine, kind: int, function: Any, within: tuple[int, int]) -> None:
        binding = importlib.import_module("unicorn.unicorn_py3.unicorn")
        status = ctypes.CDLL(binding.uclib._name).uc_hook_add(
            ctypes.c_void_p(_handle(engine)),
            ctypes.byref(ctypes.c_size_t()),
            ctypes.c_int(kind),
            ctypes.cast(function, ctypes.c_void_p),
            ctypes.byref(self.counter),
            *map(ctypes.c_uint64, within),
        )
        if status != unicorn.UC_ERR_OK:
            raise unicorn.UcError(status)

    def cache_counts(self) -> dict[str, list[int]]:
        """[reads, misses, sequential misses] of each cache that is simulated."""
        caches = {name: getattr(self.counter, name) for name in ("instructions", "constants")}
        return {name: cache.counts() for name, cache in caches.items() if cache.unit_bytes}

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

    def cache_counts(self) -> dict[str, list[int]]:
        """Nothing: caches are simulated in machine code only."""
        return {}


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
