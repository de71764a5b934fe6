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
LAYERS = "layers.json"


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
    """What a job measured; a part that was not asked for is empty or None.

    times: of each run of trtexec.   outputs: of each inference.   built: whether the engine was
    built in this job; build_s: how long that took.
    """

    times: tuple[TimingTrace, ...] = ()
    layers: LayerProfile | None = None
    outputs: tuple[tuple[OutputTensor, ...], ...] = ()
    built: bool = False
    build_s: float | None = None


def describe_job(
    board: Board,
    model: Model,
    *,
    inferences: Sequence[Mapping[str, str]] = (),
    timing: Timing | None = None,
    repeats: int = 1,
    layers: bool = False,
    workspace_mib: int = 256,
) -> dict[str, Any]:
    """A job: build the engine unless it is cached, then infer, then time it.

    inferences: input name → raw little-endian file below the root, for each inference whose
    outputs are wanted; the first is timed too.   timing, repeats: how long each run of trtexec
    times, and how many there are; None: none.   layers: the first of them profiles layers.
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
    steps = [_infer_step(board.version, n, inputs) for n, inputs in enumerate(inferences)]
    if timing is not None:
        first = inferences[0] if inferences else {}
        steps += [
            _time_step(board.version, n, timing, first, layers and n == 0) for n in range(repeats)
        ]
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


def _infer_step(version: TensorRtVersion, number: int, inputs: Mapping[str, str]) -> dict[str, Any]:
    file = f"outputs-{number}.json"
    outputs = f"{RUN}/{file}"
    command = spelled.infer_command(version, engine=ENGINE, outputs=outputs, inputs=inputs)
    return {"name": "infer", "command": command, "files": [file]}


def _time_step(
    version: TensorRtVersion, number: int, timing: Timing, inputs: Mapping[str, str], layers: bool
) -> dict[str, Any]:
    file = f"times-{number}.json"
    command = spelled.time_command(
        version,
        timing,
        engine=ENGINE,
        times=f"{RUN}/{file}",
        layers=f"{RUN}/{LAYERS}" if layers else None,
        inputs=inputs,
    )
    return {"name": "time", "command": command, "files": [file, *([LAYERS] if layers else [])]}


def read_result(job: Mapping[str, Any], journal: Iterable[Mapping[str, Any]]) -> Result:
    """What the journal of a job that has ended well holds.

    Raises: ProtocolError for a journal that no agent of ours writes.
    """
    events = list(journal)
    wanted = [name for step in job["steps"] for name in step["files"]]
    files = _files(events, wanted)
    built = next((event for event in events if event.get("state") == "built"), None)
    warm_up_ms = _number(job["warm_up_ms"])
    return Result(
        times=tuple(
            parse_times(files[name], warm_up_ms=warm_up_ms)
            for name in wanted
            if name.startswith("times")
        ),
        layers=parse_layers(files[LAYERS]) if LAYERS in wanted else None,
        outputs=tuple(parse_outputs(files[name]) for name in wanted if name.startswith("outputs")),
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
        return explain_log(journal) or explain_failure(message)
    if kind == "no-trtexec":
        return DeviceError(
            f"the board has no trtexec that runs: {clean(message)}",
            hints=("apt install libnvinfer-bin on the board", "--runtime onnxruntime"),
        )
    return None


def explain_log(journal: Iterable[Mapping[str, Any]]) -> EdgetoolError | None:
    """The error that trtexec's log shows; None where the journal has no log: it did not fail."""
    logs = [event["log"] for event in journal if isinstance(event.get("log"), str)]
    return explain_failure(logs[-1]) if logs else None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ProtocolError(f"the agent's journal has {str(value)[:40]!r} for a duration")
    return float(value)


def _files(events: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> dict[str, bytes]:
    """Files by name out of their parts, which have to be all there and in order."""
    parts: dict[str, list[str]] = {name: [] for name in wanted}
    expected: dict[str, Any] = {}
    for event in (event for event in events if event.get("kind") == "file"):
        name, text = event.get("name"), event.get("zlib")
        if not isinstance(name, str) or name not in parts or not isinstance(text, str):
            raise ProtocolError(f"the agent sent a file that was not asked for: {str(name)[:80]!r}")
        if event.get("part") != len(parts[name]):
            raise ProtocolError(f"the agent's parts of {name} are not in order")
        parts[name].append(text)
        expected[name] = event.get("parts")
    lacking = [name for name in wanted if len(parts[name]) != expected.get(name)]
    if lacking:
        raise ProtocolError(f"the agent's journal lacks a part of {', '.join(lacking)}")
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
