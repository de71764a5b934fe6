"""What an emulated run gives, and what it says when it went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from edgetool.compilers import Image
from edgetool.errors import DeviceError

Emulator = Literal["unicorn", "qemu"]
EMULATORS: tuple[str, ...] = get_args(Emulator)

Inference = tuple[bytes, ...]
"""The bytes of every input, or of every output, in order."""


@dataclass(frozen=True)
class Block:
    """Instructions that run one after the other, all or none.

    part: of the inference, counted from 1: each ends where a kernel that `<name>_run` called has
    returned.   executed: how often.   taken: how often what followed was not the next address.
    """

    address: int
    size: int
    part: int
    executed: int
    taken: int


@dataclass(frozen=True)
class CacheCounts:
    """Reads of flash by units of what one read brings, through a simulated cache.

    reads: each time that another unit than the last one is wanted.   misses: that the cache does
    not hold.   sequential: misses of the unit right behind the one before.
    """

    reads: int
    misses: int
    sequential: int


@dataclass(frozen=True)
class EmulatedRun:
    """Outputs and exact counts.

    outputs: for each inference the bytes of every output.
    instructions: executed by each counted inference, from the call of `<name>_run` to its return;
    empty where nothing was counted.   counted: how many inferences the blocks come from.
    stack_bytes: high-water mark of the model's stack, by painting, over all inferences.
    arena_used_bytes: last byte of the arena that was written, plus one, over all inferences.
    emulator: name and version.
    flash: "instructions" and "constants", of all counted inferences; empty where no board's flash
    was simulated.
    """

    outputs: tuple[Inference, ...]
    instructions: tuple[int, ...]
    stack_bytes: int
    arena_used_bytes: int
    emulator: str
    blocks: tuple[Block, ...] = ()
    counted: int = 0
    flash: Mapping[str, CacheCounts] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """The processor stopped.   what: the rest of the sentence: "wrote 0x0 …"."""

    what: str
    pc: int
    lr: int | None = None
    inference: int = 0

    def error(self, image: Image) -> DeviceError:
        """The error that names the place."""
        details = [f"inference: {self.inference}"]
        if self.lr is not None:
            details.append(f"return address: {image.describe(self.lr & ~1)}")
        return DeviceError(
            f"'{image.name}' failed in the emulator: {image.describe(self.pc)} {self.what}",
            details=details,
            hints=[
                "check that the image was built for this core",
                "the other emulator (--emulator) to see whether it agrees",
            ],
        )


def damage_error(image: Image, offset: int, inference: int) -> DeviceError:
    """A write outside every buffer, at this offset of their region."""
    buffer = image.plan.nearest(offset)
    distance = buffer.offset - offset if offset < buffer.offset else offset - buffer.end + 1
    side = "before" if offset < buffer.offset else "behind"
    return DeviceError(
        f"'{image.name}' wrote outside its buffers: {distance} bytes {side} {buffer.name}, "
        f"which has {buffer.size:,} bytes",
        details=[f"inference: {inference}"],
        hints=["this is a fault of the generated code: please report it with the model"],
    )


def status_error(image: Image, status: int, inference: int) -> DeviceError:
    """`<name>_run` returned something else than 0."""
    return DeviceError(
        f"'{image.name}_run' returned {status}, which means failure",
        details=[f"inference: {inference}"],
    )


def stack_error(image: Image, inference: int) -> DeviceError:
    """The model filled the stack to its end."""
    return DeviceError(
        f"'{image.name}' overflowed its stack of {image.stack_bytes:,} bytes",
        details=[f"inference: {inference}"],
        hints=["scratch memory belongs into the arena"],
    )


def timeout_error(image: Image, timeout_s: float, where: str) -> DeviceError:
    """The emulator was ended because it took too long."""
    return DeviceError(
        f"'{image.name}' did not finish within {timeout_s:g} s in the emulator",
        details=[where] if where else [],
        hints=["a longer timeout if the model is large", "otherwise it loops without end"],
    )
