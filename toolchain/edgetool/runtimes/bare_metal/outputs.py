"""The bytes that both emulators exchange with us: inputs behind each other, outputs likewise."""

from __future__ import annotations

from collections.abc import Iterator

from edgetool.compilers import MemoryPlan
from edgetool.errors import DeviceError
from edgetool.runtimes.bare_metal.result import Inference


def split_outputs(content: bytes, plan: MemoryPlan, inferences: int) -> tuple[Inference, ...]:
    """Outputs of every inference. Raises: DeviceError if bytes are missing."""
    size = sum(buffer.size for buffer in plan.outputs)
    if len(content) != size * inferences:
        raise DeviceError(f"the emulator gave {len(content)} of {size * inferences} output bytes")
    return tuple(
        tuple(_parts(content[start : start + size], plan))
        for start in range(0, size * inferences, size)
    )


def _parts(content: bytes, plan: MemoryPlan) -> Iterator[bytes]:
    offset = 0
    for buffer in plan.outputs:
        yield content[offset : offset + buffer.size]
        offset += buffer.size
