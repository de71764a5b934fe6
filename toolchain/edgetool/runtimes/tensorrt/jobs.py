"""Jobs of kind "trtexec" for the agent, and what comes back from them.

The device's side is targets/linux/agent/trtexec.py; docs/jetson.md describes the job.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgetool.errors import DeviceError, EdgetoolError, ProtocolError
from edgetool.runtimes.tensorrt import flags as spelled
from edgetool.runtimes.tensorrt.engines import EnginePlace, place_engine
from edgetool.runtimes.tensorrt.failures import clean, explain_failure
from edgetool.runtimes.tensorrt.flags import Timing
from edgetool.runtimes.tensorrt.gpus import check_precision
from edgetool.runtimes.tensorrt.layers import LayerProfile, parse_layers
from edgetool.runtimes.tensorrt.outputs import OutputTensor, parse_outputs
from edgetool.runtimes.tensorrt.records import LIMIT_BYTES
from edgetool.runtimes.tensorrt.times import TimingTrace, parse_times
from edgetool.runtimes.tensorrt.versions import TensorRtVersion

BUILD_TIMEOUT_S = 3600.0  # large models take most of an hour on a Nano without a timing cache
RUN_TIMEOUT_S = 600.0
ENGINES_KEPT = 24
# The agent puts paths of the run, the engine and the timing cache in place of these.
RUN, ENGINE, TIMING_CACHE = "{run}", "{engine}", "{timing_cache}"
TIMES, LAYERS, OUTPUTS = "times.json", "layers.json", "outputs.json"


@dataclass(frozen=True)
class Board:
    """What a probe found.   compute_capability: "8.7".   power_mode: nvpmodel's name, "" if none.
    trtexec: its path on the device."""

    version: TensorRtVersion
    compute_capability: str
    power_mode: str = ""
    trtexec: str = spelled.TRTEXEC


@dataclass(frozen=True)
class Model:
    """path: of the ONNX file below the device's root.   precision: of the artifact."""

    path: str
    sha256: str
    precision: str


@dataclass(frozen=True)
class Result:
    """What a job measured; a part that was not asked for is None.

    built: whether the engine was built in this job; build_s: how long that took.
    """

    times: TimingTrace | None = None
    layers: LayerProfile | None = None
    outputs: tuple[OutputTensor, ...] | None = None
    built: bool = False
    build_s: float | None = None


def describe_job(
    board: Board,
    model: Model,
    *,
    timing: Timing | None = None,
    layers: bool = False,
    inputs: Mapping[str, str] | None = None,
    infer: bool = False,
    workspace_mib: int = 256,
) -> dict[str, Any]:
    """A job: build the engine unless it is cached, then time it, profile its layers, or infer.

    timing: how long to time; None: not at all.   inputs: name → raw little-endian file below
    the root, for timing too.   infer: write the outputs of one inference of `inputs`.
    Raises: DeviceError for a precision or a version that cannot run.
    """
    check_precision(model.precision, board.compute_capability)
    build = spelled.build_flags(board.version, model.precision, workspace_mib=workspace_mib)
    place = place_engine(
        model_sha256=model.sha256,
        version=board.version,
        compute_capability=board.compute_capability,
        flags=build,
        power_mode=board.power_mode,
    )
    steps = _steps(board.version, timing, layers, inputs or {}, infer)
    return {
        "kind": "trtexec",
        "runtime": "tensorrt",
        "model": model.path,
        "tensorrt": str(board.version),
        **_engine_fields(place),
        "build": _with_path(board, _build_command(board.version, build, model)),
        "build_timeout_s": BUILD_TIMEOUT_S,
        "steps": [{**step, "command": _with_path(board, step["command"])} for step in steps],
        "run_timeout_s": RUN_TIMEOUT_S + (timing.duration_s if timing else 0),
        "warm_up_ms": timing.warm_up_ms if timing else 0,
    }


def _engine_fields(place: EnginePlace) -> dict[str, Any]:
    return {
        "engine": place.engine,
        "timing_cache": place.timing_cache,
        "engine_prefix": place.prefix,
        "engines_kept": ENGINES_KEPT,
    }


def _build_command(version: TensorRtVersion, build: tuple[str, ...], model: Model) -> list[str]:
    return spelled.build_command(
        version, build, onnx=model.path, engine=ENGINE, timing_cache=TIMING_CACHE
    )


def _with_path(board: Board, command: Sequence[str]) -> list[str]:
    return [board.trtexec, *command[1:]]


def _steps(
    version: TensorRtVersion,
    timing: Timing | None,
    layers: bool,
    inputs: Mapping[str, str],
    infer: bool,
) -> list[dict[str, Any]]:
    """Inferring comes first: what computes something else need not be timed."""
    steps: list[dict[str, Any]] = []
    if infer:
        if not inputs:
            raise DeviceError("an inference on the board needs its inputs")
        command = spelled.infer_command(
            version, engine=ENGINE, outputs=f"{RUN}/{OUTPUTS}", inputs=inputs
        )
        steps.append({"name": "infer", "command": command, "files": [OUTPUTS]})
    if timing is not None:
        command = spelled.time_command(
            version,
            timing,
            engine=ENGINE,
            times=f"{RUN}/{TIMES}",
            layers=f"{RUN}/{LAYERS}" if layers else None,
            inputs=inputs,
        )
        files = [TIMES, *([LAYERS] if layers else [])]
        steps.append({"name": "time", "command": command, "files": files})
    return steps


def read_result(job: Mapping[str, Any], journal: Iterable[Mapping[str, Any]]) -> Result:
    """What the journal of a job that has ended well holds.

    Raises: ProtocolError for a journal that no agent of ours writes.
    """
    events = list(journal)
    files = _files(events)
    lacking = {name for step in job["steps"] for name in step["files"]} - set(files)
    if lacking:
        raise ProtocolError(f"the agent's journal lacks {', '.join(sorted(lacking))}")
    built = next((event for event in events if event.get("state") == "built"), None)
    warm_up_ms = _number(job["warm_up_ms"])
    return Result(
        times=parse_times(files[TIMES], warm_up_ms=warm_up_ms) if TIMES in files else None,
        layers=parse_layers(files[LAYERS]) if LAYERS in files else None,
        outputs=parse_outputs(files[OUTPUTS]) if OUTPUTS in files else None,
        built=built is not None,
        build_s=_number(built.get("seconds")) if built else None,
    )


def explain_refusal(
    kind: str, message: str, journal: Iterable[Mapping[str, Any]]
) -> EdgetoolError | None:
    """The error behind a job that the agent gave up; None if the agent's own words do.

    kind, message: of the agent's error.
    """
    if kind == "trtexec-failed":
        logs = [event["log"] for event in journal if isinstance(event.get("log"), str)]
        return explain_failure(logs[-1] if logs else message)
    if kind == "no-trtexec":
        return DeviceError(
            f"the board has no trtexec that runs: {clean(message)}",
            hints=("apt install libnvinfer-bin on the board", "--runtime onnxruntime"),
        )
    return None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ProtocolError(f"the agent's journal has {str(value)[:40]!r} for a duration")
    return float(value)


def _files(events: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """Files by name out of their parts, which have to be all there and in order."""
    parts: dict[str, list[str]] = {}
    expected: dict[str, int] = {}
    for event in (event for event in events if event.get("kind") == "file"):
        name, part, count, text = (event.get(key) for key in ("name", "part", "parts", "zlib"))
        if name not in (TIMES, LAYERS, OUTPUTS) or not isinstance(text, str):
            raise ProtocolError(f"the agent sent a file that was not asked for: {str(name)[:80]!r}")
        if part != len(parts.setdefault(name, [])) or not isinstance(count, int):
            raise ProtocolError(f"the agent's parts of {name} are not in order")
        parts[name].append(text)
        expected[name] = count
    if any(len(texts) != expected[name] for name, texts in parts.items()):
        raise ProtocolError("the agent's journal lacks a part of a file")
    return {name: _unpack("".join(texts), name) for name, texts in parts.items()}


def _unpack(text: str, name: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(base64.b64decode(text, validate=True), LIMIT_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise ProtocolError(f"the agent's {name} cannot be unpacked: {error}") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ProtocolError(f"the agent's {name} is cut or longer than {LIMIT_BYTES:,} bytes")
    return data
