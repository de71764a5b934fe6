"""What is asked of trtexec, spelled for each version of TensorRT.

Figures of versions 8, 10 and 11 mean the same only when what they time is pinned: copies of
inputs and outputs included, no CUDA graph, the host spinning on the GPU's events, and layers
profiled in a run of their own. Precision is in the model's types wherever TensorRT can take it
from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgetool.errors import DeviceError
from edgetool.runtimes.tensorrt.versions import TensorRtVersion

TRTEXEC = "/usr/src/tensorrt/bin/trtexec"  # where JetPack's package libnvinfer-bin puts it
OLDEST = TensorRtVersion(8, 2)
V8_4 = TensorRtVersion(8, 4)
V8_6 = TensorRtVersion(8, 6)
V10 = TensorRtVersion(10, 0)
V11 = TensorRtVersion(11, 0)

# What is wanted → the flag since a version, oldest first; "" = nothing has to be said.
Spelling = tuple[tuple[TensorRtVersion, str], ...]

# Sources: [8.2] [8.5] [10] [11] are samples/common/sampleOptions.cpp of NVIDIA/TensorRT at the
# releases of that number; [8→10] and [10→11] are NVIDIA's "Migrating trtexec Usage" pages.
SPELLINGS: Mapping[str, Spelling] = {
    # [8.2] --workspace=N in MiB; [8→10] removed, "replaced with --memPoolSize=workspace:<size>",
    # which is there since 8.4; without a unit it is MiB ([11] addDefaultUnitSuffix 'M').
    "workspace": ((OLDEST, "--workspace={mib}"), (V8_4, "--memPoolSize=workspace:{mib}")),
    # [8.2] "Skip inference perf measurement"; renamed in 8.6, the old name removed in 10.
    "build only": ((OLDEST, "--buildOnly"), (V8_6, "--skipInference")),
    # [11] "Data transfers are now disabled by default".
    "transfers": ((OLDEST, ""), (V11, "--includeDataTransfers")),
    # [11] "CUDA graph is now enabled by default".
    "no graph": ((OLDEST, ""), (V11, "--noCudaGraph")),
    # [11] "--useSpinWait is deprecated. Spin wait is now enabled by default."
    "spin": ((OLDEST, "--useSpinWait"), (V11, "")),
    # [11] "--separateProfileRun is deprecated. Separate profile run is now always enabled."
    "profile apart": ((OLDEST, "--separateProfileRun"), (V11, "")),
    # [8.2] until 9: the builder may choose, so it is allowed what the model's types say.
    # [10] "--stronglyTyped": data types are inferred from the model. [10→11] precision flags
    # are removed and "--stronglyTyped is no longer needed - it is always enabled".
    "float32": ((OLDEST, ""), (V10, "--stronglyTyped"), (V11, "")),
    "float16": ((OLDEST, "--fp16"), (V10, "--stronglyTyped"), (V11, "")),
    "int8": ((OLDEST, "--int8"), (V10, "--stronglyTyped"), (V11, "")),
}
PRECISIONS = ("float32", "float16", "int8")


@dataclass(frozen=True)
class Timing:
    """How long to measure.   warm_up_ms before the first sample counts; at least `iterations`
    inferences and at least duration_s seconds."""

    warm_up_ms: int = 1000
    iterations: int = 100
    duration_s: int = 3


def spell(wish: str, version: TensorRtVersion, **values: Any) -> tuple[str, ...]:
    """The flag for a key of SPELLINGS, or nothing. Raises: DeviceError below TensorRT 8.2."""
    if version < OLDEST:
        raise DeviceError(
            f"TensorRT {version} is too old: edgetool knows trtexec since {OLDEST}",
            hints=("JetPack 4.6 or newer has TensorRT 8.2",),
        )
    flag = [text for since, text in SPELLINGS[wish] if version >= since][-1]
    return (flag.format(**values),) if flag else ()


def build_flags(
    version: TensorRtVersion, precision: str, *, workspace_mib: int = 256
) -> tuple[str, ...]:
    """What decides what the engine computes: a part of its key in the cache.

    --noTF32: where float32 is asked for, Ampere's ten-bit mantissas are not float32.
    """
    if precision not in PRECISIONS:
        raise DeviceError(
            f"TensorRT cannot run {precision} artifacts",
            hints=(f"compile with --precision {' or '.join(PRECISIONS)}",),
        )
    workspace = spell("workspace", version, mib=workspace_mib)
    return (*spell(precision, version), "--noTF32", *workspace)


def build_command(
    version: TensorRtVersion, flags: tuple[str, ...], *, onnx: str, engine: str, timing_cache: str
) -> list[str]:
    """Build an engine and end.   flags: of build_flags."""
    files = [f"--onnx={onnx}", f"--saveEngine={engine}", f"--timingCacheFile={timing_cache}"]
    return [TRTEXEC, *files, *flags, *spell("build only", version)]


def time_command(
    version: TensorRtVersion,
    timing: Timing,
    *,
    engine: str,
    times: str,
    layers: str | None = None,
    inputs: Mapping[str, str] | None = None,
) -> list[str]:
    """Time an engine.   times, layers: the JSON files to write; inputs: input name → raw file."""
    command = [TRTEXEC, f"--loadEngine={engine}", f"--exportTimes={times}"]
    command += [f"--warmUp={timing.warm_up_ms}", f"--iterations={timing.iterations}"]
    command += [f"--duration={timing.duration_s}"]
    for wish in ("transfers", "no graph", "spin"):
        command += spell(wish, version)
    if layers is not None:
        command += [f"--exportProfile={layers}", *spell("profile apart", version)]
    return command + _load_inputs(inputs or {})


def infer_command(
    version: TensorRtVersion, *, engine: str, outputs: str, inputs: Mapping[str, str]
) -> list[str]:
    """One inference of given inputs, its outputs written as JSON.

    Copies are asked for even where they are the default's opposite: without them no output
    reaches the host.
    """
    once = ["--warmUp=0", "--iterations=1", "--duration=0"]
    command = [TRTEXEC, f"--loadEngine={engine}", f"--exportOutput={outputs}", *once]
    command += [*spell("transfers", version), *spell("no graph", version)]
    return command + _load_inputs(inputs)


def _load_inputs(inputs: Mapping[str, str]) -> list[str]:
    """--loadInputs=name:file,…   Names of tensors are quoted, as they may hold a colon."""
    for name, path in inputs.items():
        if set(",'\"") & {*name, *path} or ":" in path:
            raise DeviceError(f"trtexec cannot be given input {name!r}: its name or file ({path})")
    if not inputs:
        return []
    return ["--loadInputs=" + ",".join(f"'{name}':{path}" for name, path in inputs.items())]
