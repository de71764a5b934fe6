"""Does a Linux device compute what the reference computes? Its runtimes as runners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from edgetool.artifact import ONNX, PROGRAM, TFLITE, Artifact
from edgetool.devices import Device
from edgetool.devices.connection import connect
from edgetool.errors import UsageError
from edgetool.runtimes.board import (
    NATIVE,
    Board,
    BoardSession,
    Provided,
    open_board,
    provide_runtimes,
)
from edgetool.runtimes.session import Progress, Session
from edgetool.verification.native import DeviceNativeRunner
from edgetool.verification.runners import Array, LiteRtRunner, OnnxRuntimeRunner, Runner, Subject

RUNTIMES = {"onnxruntime": ONNX, "litert": TFLITE}
# How far the outputs of a whole model may be from the reference's: root mean square of the
# difference over that of the reference. Steps of single layers add up along an integer model;
# saturated or misread numbers are an order of magnitude away.
CLOSE_ENOUGH = {"float32": 1e-3, "float16": 2e-2}
CLOSE_ENOUGH_INTEGER = 0.15


class OnDevice:
    """Where a runner's sessions are opened.

    exact: the runtime's reference arithmetic, judged layer by layer; else as users run and time
    it, judged as a whole.
    """

    def __init__(self, board: Board, provided: Provided, exact: bool) -> None:
        self.board = board
        self.provided = provided
        self.exact = exact

    def open(self, runtime: str, model: bytes) -> Session:
        """The model in this runtime there."""
        python = self.provided.python[runtime]
        return BoardSession(self.board, runtime, model, python, exact=self.exact)


class DeviceOnnxRuntimeRunner(OnnxRuntimeRunner):
    """model.onnx in ONNX Runtime on the device."""

    def __init__(self, subject: Subject, place: OnDevice) -> None:
        super().__init__(subject)
        self.place = place
        self.name = _name("onnxruntime", place)

    def session(self, model: bytes) -> Session:
        """See OnnxRuntimeRunner."""
        return self.place.open("onnxruntime", model)

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See Runner; as timed there are no single layers: runtimes fuse them."""
        return super().operators(values) if self.place.exact else {}

    def judge_outputs(
        self, expected: Mapping[str, Array], found: Mapping[str, Array]
    ) -> str | None:
        """See Runner."""
        return None if self.place.exact else judge_as_timed(self.subject, expected, found)


class DeviceLiteRtRunner(LiteRtRunner):
    """model.tflite in LiteRT on the device."""

    def __init__(self, subject: Subject, place: OnDevice) -> None:
        super().__init__(subject)
        self.place = place
        self.name = _name("litert", place)

    def session(self, model: bytes) -> Session:
        """See LiteRtRunner."""
        return self.place.open("litert", model)

    def operators(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """See DeviceOnnxRuntimeRunner.operators."""
        return super().operators(values) if self.place.exact else {}

    def judge_outputs(
        self, expected: Mapping[str, Array], found: Mapping[str, Array]
    ) -> str | None:
        """See Runner."""
        return None if self.place.exact else judge_as_timed(self.subject, expected, found)


@contextmanager
def session_with(device: Device) -> Iterator[Board]:
    """A session with an enrolled device. Raises: LinkError and its kind, DeviceError."""
    with open_board(lambda: connect(device), device.root) as board:
        yield board


def device_runners(
    board: Board, subject: Subject, runtime: str = "auto"
) -> tuple[list[Runner], Mapping[str, str]]:
    """(every runtime of the device that the artifact has a file for, exact and as timed; why
    others are not there).

    Raises: DeviceError when it has none of them; UsageError for an artifact without such files.
    """
    provided = provided_for(board, subject.artifact, runtime)
    runners = [
        runner_of(name, subject, OnDevice(board, provided, exact))
        for name in provided.python
        for exact in ((True,) if name == NATIVE else (True, False))
    ]
    return runners, provided.lacking


def provided_for(board: Board, artifact: Artifact, runtime: str = "auto") -> Provided:
    """The runtimes that are to run this artifact there; generated C when it is asked for, or when
    no other is to be had. Raises: as device_runners."""
    fitting = [name for name, file in RUNTIMES.items() if artifact.path(file) is not None]
    native = [NATIVE] if artifact.path(PROGRAM) is not None else []
    if runtime == "auto" and fitting:
        return provide_runtimes(board, fitting, *native)
    fitting += native
    wanted = fitting if runtime == "auto" else [name for name in fitting if name == runtime]
    if not wanted:
        raise UsageError(
            f"'{artifact.folder}' has nothing that {runtime} runs",
            hints=(f"--runtime {' or '.join(fitting)}",) if fitting else (),
        )
    return provide_runtimes(board, wanted)


def runner_of(runtime: str, subject: Subject, place: OnDevice) -> Runner:
    """The runner of a runtime there."""
    if runtime == NATIVE:
        return DeviceNativeRunner(subject, place.board, place.provided)
    if runtime == "litert":
        return DeviceLiteRtRunner(subject, place)
    return DeviceOnnxRuntimeRunner(subject, place)


def judge_as_timed(
    subject: Subject, expected: Mapping[str, Array], found: Mapping[str, Array]
) -> str | None:
    """None when whole outputs are close enough to the reference's, else how far they are."""
    integer = any(tensor.quantization is not None for tensor in subject.program.activations())
    precision = subject.artifact.manifest.precision
    limit = CLOSE_ENOUGH_INTEGER if integer else CLOSE_ENOUGH.get(precision, 1e-3)
    for name in subject.program.outputs:
        tensor = subject.program.tensors[name]
        zero = 0 if tensor.quantization is None else tensor.zero_point
        away = relative_rms(expected[name], found[name], zero)
        if not away <= limit:
            return (
                f"the outputs as timed are {away:.2g} from the reference's "
                f"(root mean square, relative; {limit:g} is allowed)"
            )
    return None


def relative_rms(expected: Array, found: Array, zero_point: int) -> float:
    """Root mean square of the difference over that of the expected, which may be integers."""
    reference = expected.astype(np.float64) - zero_point
    gap = found.astype(np.float64) - zero_point - reference
    scale = float(np.sqrt(np.mean(reference**2))) or 1.0
    return float(np.sqrt(np.mean(gap**2))) / scale


def prove_as_timed(
    board: Board,
    artifact: Artifact,
    runtime: str,
    provided: Provided,
    progress: Progress | None = None,
) -> str | None:
    """Golden inputs through a runtime as it will be timed; None when its outputs are right."""
    program = artifact.program()
    if program is None:
        return _prove_onnx(artifact, OnDevice(board, provided, exact=False), progress)
    subject = Subject(artifact, program)
    runner = runner_of(runtime, subject, OnDevice(board, provided, exact=False))
    golden, outputs = subject.artifact.golden()
    inputs = {
        name: golden[port] for name, port in zip(program.inputs, program.input_names, strict=True)
    }
    expected = {
        name: outputs[port]
        for name, port in zip(program.outputs, program.output_names, strict=True)
    }
    return judge_as_timed(subject, expected, runner.outputs(inputs, progress))


def _prove_onnx(artifact: Artifact, place: OnDevice, progress: Progress | None) -> str | None:
    """As prove_as_timed, of a model that only ONNX runtimes run."""
    inputs, expected = artifact.golden()
    session = place.open("onnxruntime", (artifact.folder / ONNX).read_bytes())
    found = session.run(inputs, progress)
    limit = CLOSE_ENOUGH.get(artifact.manifest.precision, CLOSE_ENOUGH_INTEGER)
    away = max(relative_rms(expected[name], found[name], 0) for name in expected)
    return None if away <= limit else f"the outputs as timed are {away:.2g} from the expected ones"


def _name(runtime: str, place: OnDevice) -> str:
    return runtime if place.exact else f"{runtime}, as timed"
