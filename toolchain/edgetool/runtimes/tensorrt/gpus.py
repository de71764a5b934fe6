"""What the GPU of a Jetson computes in, by its compute capability ("SM")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgetool.errors import DeviceError


@dataclass(frozen=True)
class Gpu:
    """name: the module family.   precisions: what TensorRT has kernels for on it."""

    name: str
    precisions: tuple[str, ...]


FLOATS = ("float32", "float16")
ALL = (*FLOATS, "int8")
# Source: TensorRT Support Matrix, "Hardware and Precision": Maxwell 5.3 and Pascal 6.2 of the
# Tegra line have FP16 and no INT8 (no DP4A).
GPUS: Mapping[str, Gpu] = {
    "5.3": Gpu("Jetson Nano, TX1", FLOATS),
    "6.2": Gpu("Jetson TX2", FLOATS),
    "7.2": Gpu("Jetson Xavier", ALL),
    "8.7": Gpu("Jetson Orin", ALL),
    "10.1": Gpu("Jetson Thor", ALL),
    "11.0": Gpu("Jetson Thor, as CUDA 13 numbers it", ALL),
}


def check_precision(precision: str, compute_capability: str | None) -> None:
    """Refuse a precision that the GPU has no kernels for, before a builder emulates it.

    compute_capability: "5.3"; None or one that is not in the table has float32 and float16 only.
    Raises: DeviceError.
    """
    gpu = GPUS.get(compute_capability or "", Gpu("an unknown GPU", FLOATS))
    if precision in gpu.precisions:
        return
    named = f"compute capability {compute_capability or 'unknown'} ({gpu.name})"
    raise DeviceError(
        f"TensorRT has no {precision} on this GPU: {named}",
        details=(f"it has {', '.join(gpu.precisions)}",),
        hints=("compile with --precision float16",),
    )
