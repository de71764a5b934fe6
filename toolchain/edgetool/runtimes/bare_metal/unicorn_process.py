"""unicorn's own process: `python -m edgetool.runtimes.bare_metal.unicorn_process FOLDER`.

unicorn is GPL-2; it is loaded here and nowhere else. FOLDER has request.json, memory and inputs;
this writes outputs and response.json there. Only the standard library and unicorn are imported.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from edgetool.runtimes.bare_metal.blocks import instruction_lengths
from edgetool.runtimes.bare_metal.unicorn_hooks import IT_STATE, Engine, add_block_hook

Json: TypeAlias = dict[str, Any]

unicorn: Any = importlib.import_module("unicorn")
arm_const: Any = importlib.import_module("unicorn.arm_const")
riscv_const: Any = importlib.import_module("unicorn.riscv_const")

SMALLEST_PAGE_BYTES = 1024
"""Of the processors emulated here (Arm's protection unit)."""

_VERBS = {
    unicorn.UC_MEM_READ: "read",
    unicorn.UC_MEM_WRITE: "wrote",
    unicorn.UC_MEM_FETCH: "jumped to",
}

_PAINTS = (0xA5, 0x5A)
"""Alternating, so that a byte that happens to equal one is found in the next inference."""


@dataclass(frozen=True)
class Registers:
    """What the calling convention uses."""

    arguments: tuple[int, int, int]
    stack_pointer: int
    return_address: int
    program_counter: int
    result: int


_ARM = Registers(
    (arm_const.UC_ARM_REG_R0, arm_const.UC_ARM_REG_R1, arm_const.UC_ARM_REG_R2),
    arm_const.UC_ARM_REG_SP,
    arm_const.UC_ARM_REG_LR,
    arm_const.UC_ARM_REG_PC,
    arm_const.UC_ARM_REG_R0,
)
_RISCV = Registers(
    (riscv_const.UC_RISCV_REG_A0, riscv_const.UC_RISCV_REG_A1, riscv_const.UC_RISCV_REG_A2),
    riscv_const.UC_RISCV_REG_SP,
    riscv_const.UC_RISCV_REG_RA,
    riscv_const.UC_RISCV_REG_PC,
    riscv_const.UC_RISCV_REG_A0,
)


class StoppedError(Exception):
    """The run cannot go on; the report says where and why."""

    def __init__(self, report: Json) -> None:
        super().__init__(report)
        self.report = report


class Emulation:
    """A processor with the image loaded, ready to call the model."""

    def __init__(self, request: Json, folder: Path) -> None:
        self.request = request
        self.riscv = request["architecture"] == "riscv"
        self.registers = _RISCV if self.riscv else _ARM
        self.engine = _engine(request["cpu"], self.riscv)
        self.invalid_access: tuple[str, int] | None = None
        self._load(folder)
        self.engine.hook_add(unicorn.UC_HOOK_TLB_FILL, self._fill_translation)
        self.counter = add_block_hook(self.engine, request)

    def _load(self, folder: Path) -> None:
        for start, size in self.request["regions"]:
            self.engine.mem_map(start, size)
        content = (folder / "memory").read_bytes()
        for address, offset, size in self.request["segments"]:
            self.engine.mem_write(address, content[offset : offset + size])
        table = b"".join(value.to_bytes(4, "little") for value in self.request["pointers"])
        self.engine.mem_write(self.request["pointer_table"], table)

    def _fill_translation(self, _: Any, address: int, access: int, entry: Any, __: Any) -> bool:
        """Map a page to itself, for writing only once it is written.

        A page that is first entered for writing is entered as changed; any other writable entry
        makes every later store look for code that it may have changed, twenty times as slow
        (unicorn 2.1). A hook for invalid accesses costs as much: this one notes them as well.
        """
        if not any(start <= address < start + size for start, size in self.request["regions"]):
            self.invalid_access = (_VERBS.get(access, "touched"), address)
        if not self.riscv and access != unicorn.UC_MEM_FETCH:
            self._forget_conditions()
        entry.paddr = address & ~(SMALLEST_PAGE_BYTES - 1)
        writing = access == unicorn.UC_MEM_WRITE
        kept = unicorn.UC_PROT_WRITE if writing else unicorn.UC_PROT_EXEC
        entry.perms = unicorn.UC_PROT_READ | kept
        return True

    def _forget_conditions(self) -> None:
        """Undo that unicorn 2.1 puts the IT state of a conditional load or store back for the hook.

        It is in the translated code already. Left in the register, it makes the first instruction
        of some later block conditional, too. Before a fetch nothing is put back, and the state is
        that of code still to be translated: of an IT block that goes on in the page fetched from.
        """
        state = self.engine.reg_read(arm_const.UC_ARM_REG_CPSR)
        if state & IT_STATE:
            self.engine.reg_write(arm_const.UC_ARM_REG_CPSR, state & ~IT_STATE)

    def infer(self, inputs: Sequence[bytes], paint: int) -> Json:
        """One call; returns status, stack_bytes, arena_bytes, damaged (offset or None)."""
        stack_start, stack_end = self.request["stack"]
        region, size = self.request["region"], self.request["region_size"]
        self.engine.mem_write(stack_start, bytes([paint]) * (stack_end - stack_start))
        self.engine.mem_write(region, bytes([paint]) * size)
        for (offset, _), content in zip(self.request["inputs"], inputs, strict=True):
            self.engine.mem_write(region + offset, content)
        self._call()
        memory = bytes(self.engine.mem_read(region, size))
        stack = bytes(self.engine.mem_read(stack_start, stack_end - stack_start))
        arena_offset, arena_size = self.request["arena"]
        return {
            "status": _signed(self.engine.reg_read(self.registers.result)),
            "stack_bytes": len(stack) - first_change(stack, paint),
            "arena_bytes": last_change(memory[arena_offset : arena_offset + arena_size], paint),
            "damaged": self._first_damage(memory, paint),
        }

    def _call(self) -> None:
        thumb = 0 if self.riscv else 1
        stop = self.request["stop"]
        if self.counter:
            self.counter.begin()
        for register, value in zip(
            self.registers.arguments, self.request["arguments"], strict=True
        ):
            self.engine.reg_write(register, value)
        self.engine.reg_write(self.registers.stack_pointer, self.request["stack"][1])
        self.engine.reg_write(self.registers.return_address, stop | thumb)
        timeout_us = int(self.request["timeout_s"] * 1e6)
        try:
            self.engine.emu_start(self.request["run"] | thumb, stop, timeout_us)
        except unicorn.UcError as error:
            report = self._place() | {"fault": self._describe(error)}
            if self.invalid_access:
                report["address"] = self.invalid_access[1]
            raise StoppedError(report) from error
        if self.engine.reg_read(self.registers.program_counter) & ~1 != stop:
            raise StoppedError(self._place() | {"timeout": True})

    def _place(self) -> Json:
        return {
            "pc": self.engine.reg_read(self.registers.program_counter) & ~thumb_bit(self.riscv),
            "lr": self.engine.reg_read(self.registers.return_address),
        }

    def _describe(self, error: Any) -> str:
        if self.invalid_access:
            verb, address = self.invalid_access
            return f"{verb} 0x{address:08x}, where there is no memory"
        if error.errno == unicorn.UC_ERR_INSN_INVALID:
            return "executed an instruction that this core does not have"
        if error.errno == unicorn.UC_ERR_EXCEPTION:
            return "raised an exception (unaligned access, or a trap instruction)"
        return f"stopped: {error}"

    def outputs(self) -> bytes:
        """The bytes of every output in order."""
        region = self.request["region"]
        parts = (self.engine.mem_read(region + o, size) for o, size in self.request["outputs"])
        return b"".join(bytes(part) for part in parts)

    def _first_damage(self, memory: bytes, paint: int) -> int | None:
        offset = 0
        ends = [*self.request["inputs"], *self.request["outputs"], self.request["arena"]]
        for start, size in [*ends, [len(memory), 0]]:
            zone = memory[offset:start]
            changed = first_change(zone, paint)
            if changed < len(zone):
                return offset + changed
            offset = start + size
        return None

    def instruction_lengths(self, address: int, size: int) -> list[int]:
        """Of the block at address."""
        return instruction_lengths(bytes(self.engine.mem_read(address, size)), riscv=self.riscv)


def _engine(cpu: str, riscv: bool) -> Engine:
    """The processor. Not UC_MODE_MCLASS: with it every model is a Cortex-M33 (unicorn 2.1)."""
    if riscv:
        constants, architecture, mode = riscv_const, unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32
    else:
        constants, architecture, mode = arm_const, unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB
    engine = unicorn.Uc(architecture, mode, getattr(constants, cpu))
    engine.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)
    return engine


def thumb_bit(riscv: bool) -> int:
    """The bit of a code address that is none."""
    return 0 if riscv else 1


def _signed(value: int) -> int:
    value &= 0xFFFF_FFFF
    return value - (1 << 32) if value >> 31 else value


def first_change(memory: bytes, paint: int) -> int:
    """Offset of the first byte that is not paint; the length if all are."""
    return len(memory) - len(memory.lstrip(bytes([paint])))


def last_change(memory: bytes, paint: int) -> int:
    """Offset behind the last byte that is not paint; 0 if all are."""
    return len(memory.rstrip(bytes([paint])))


class Tally:
    """Instructions of each inference out of counts that only grow."""

    def __init__(self, emulation: Emulation) -> None:
        self.emulation = emulation
        self.lengths: dict[tuple[int, int], int] = {}
        self.total = 0

    def instructions_of_last(self) -> int:
        """Executed since the last question."""
        before, self.total = self.total, self._total()
        return self.total - before

    def _total(self) -> int:
        counter = self.emulation.counter
        counts = counter.counts() if counter else {}
        return sum(
            executed * self._length(address, size)
            for (address, size, _), (executed, _) in counts.items()
        )

    def _length(self, address: int, size: int) -> int:
        if (address, size) not in self.lengths:
            self.lengths[address, size] = len(self.emulation.instruction_lengths(address, size))
        return self.lengths[address, size]


def _inferences(request: Json, folder: Path) -> Iterator[list[bytes]]:
    sizes = [size for _, size in request["inputs"]]
    with (folder / "inputs").open("rb") as content:
        for _ in range(request["inferences"]):
            yield [content.read(size) for size in sizes]


def run(request: Json, folder: Path) -> Json:
    """All inferences, or as many as went well and why no more did."""
    emulation = Emulation(request, folder)
    tally = Tally(emulation) if request["count"] else None
    response: Json = {"unicorn": unicorn.__version__, "inferences": [], "blocks": []}
    with (folder / "outputs").open("wb") as outputs:
        for index, inputs in enumerate(_inferences(request, folder)):
            try:
                result = emulation.infer(inputs, _PAINTS[index % 2])
            except StoppedError as stopped:
                return response | {"stopped": stopped.report}
            if tally:
                result["instructions"] = tally.instructions_of_last()
            response["inferences"].append(result)
            outputs.write(emulation.outputs())
    counts = emulation.counter.counts() if emulation.counter else {}
    response["blocks"] = [[*block, *ran] for block, ran in counts.items()]
    response["caches"] = emulation.counter.cache_counts() if emulation.counter else {}
    return response


def main(folder: Path) -> None:
    """Read the request, write the response."""
    request = json.loads((folder / "request.json").read_text())
    (folder / "response.json").write_text(json.dumps(run(request, folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
