"""Replay samples in every runtime an artifact can use; judge each against the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy.typing as npt

from edgetool.artifact import SOURCES, TFLITE, Artifact
from edgetool.compilation.golden import NOISE
from edgetool.compilation.ports import specs_of_artifact
from edgetool.data import Dataset, load_data
from edgetool.devices import Device
from edgetool.errors import MissingToolError, UnsupportedOperatorError, UsageError
from edgetool.figures import Figure
from edgetool.metrics import choose_metric, decisions_equal, evaluate
from edgetool.program.boundary import from_program, to_program
from edgetool.program.executor import execute
from edgetool.runtimes import litert
from edgetool.runtimes.serial_board import SerialBoard
from edgetool.runtimes.session import Progress, labelled
from edgetool.verification.differences import (
    Difference,
    by_operation,
    difference,
    first_beyond,
    worst_of,
)
from edgetool.verification.runners import (
    LiteRtRunner,
    OnnxRuntimeRunner,
    ReferenceRunner,
    Runner,
    Subject,
)

Array = npt.NDArray[Any]

HALF_PRECISION_RELATIVE = 2e-2


@dataclass(frozen=True)
class RuntimeResult:
    """What one runtime computed, against the reference.

    samples: how many were run.   outputs: worst difference at the model's outputs.
    operators: difference by operation, identical inputs fed to both sides.
    decisions_equal: share of samples with the same argmax.   metric: by name, where labels are.
    problem: None when the runtime holds, else one sentence with the first layer that differs.
    """

    name: str
    samples: int
    outputs: Difference
    operators: Mapping[str, Difference]
    decisions_equal: float
    metric: Mapping[str, Figure]
    problem: str | None


@dataclass(frozen=True)
class Verification:
    """Results of every runtime, and the runtimes that could not be asked."""

    runtimes: tuple[RuntimeResult, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each runtime that does not hold."""
        return tuple(f"{r.name}: {r.problem}" for r in self.runtimes if r.problem)


@dataclass(frozen=True)
class Samples:
    """Samples to replay.

    inputs, expected: by tensor name, what goes in and what the reference makes of it.
    dataset: where they came from, None for the golden samples.
    is_real: they are data of the model's own kind, not seeded noise.
    """

    inputs: Mapping[str, Array]
    expected: Mapping[str, Array]
    dataset: Dataset | None
    is_real: bool

    def first(self, limit: int | None) -> Samples:
        """Only the first samples."""
        if limit is None or len(next(iter(self.inputs.values()))) <= limit:
            return self
        dataset = self.dataset.first(limit) if self.dataset is not None else None
        return Samples(
            {name: array[:limit] for name, array in self.inputs.items()},
            {name: array[:limit] for name, array in self.expected.items()},
            dataset,
            self.is_real,
        )

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(next(iter(self.inputs.values())))


def verify_artifact(
    artifact: Artifact,
    *,
    samples: str | None = None,
    compiler: str | None = None,
    emulator: str | None = None,
    emulated_samples: int | None = None,
    metric: str | None = None,
    device: SerialBoard | Device | None = None,
    runtime: str = "auto",
    progress: Progress | None = None,
) -> Verification:
    """Run the golden inputs, or the given data, in every runtime that is at hand.

    device: a board that runs edgetool's firmware with this artifact, instead of the emulator; or
    an enrolled device, whose runtimes are asked instead of this machine's.   runtime: of an
    enrolled device, "auto" for all of them.
    Raises: UsageError for an artifact without a Program or a metric without samples; DataError
    for unusable samples; MissingToolError for a compiler or emulator that was asked for by name;
    DeviceError when the board does not answer, or another model is on it.
    """
    if device is not None and (compiler or emulator):
        raise UsageError("--device and --compiler or --emulator are two ways to run the C")
    if runtime != "auto" and not isinstance(device, Device):
        raise UsageError(
            f"--runtime {runtime} is one of an enrolled device's",
            hints=("--device with the name of an enrolled device: edgetool devices",),
        )
    if metric is not None and samples is None:
        raise UsageError(
            f"--metric {metric} has no labels to score by: golden inputs have none",
            hints=("--samples DATA, with labels",),
        )
    refuse_wrong_device(artifact, device)
    program = artifact.program()
    if program is None:
        raise UsageError(
            f"'{artifact.folder}' only runs in ONNX runtimes: there is no second implementation "
            "on this machine to compare it with",
            hints=("deploy it and compare with the golden outputs on the device",),
        )
    subject = Subject(artifact, program)
    data = gather(subject, samples, progress)
    if isinstance(device, Device):
        return verify_on_device(subject, device, data, metric, runtime, progress)
    results, skipped = [], {}
    makers = runners(subject, compiler, emulator, emulated_samples)
    if device is not None:
        makers.pop("emulator", None)
        makers["board"] = lambda: _board(subject, device, emulated_samples)
    for name, make in makers.items():
        try:
            runner = make()
            results.append(examine(runner, data, metric, progress))
        except (MissingToolError, UnsupportedOperatorError) as error:
            if name == "board" or (name == "emulator" and (compiler or emulator)):
                raise  # asked for by name: leaving it out would look like success
            skipped[name] = "; ".join((error.message, *error.hints))
    return Verification(tuple(results), skipped)


def verify_on_device(
    subject: Subject,
    device: Device,
    data: Samples,
    metric: str | None,
    runtime: str,
    progress: Progress | None,
) -> Verification:
    """The reference here, and every runtime of the device: exact, and as it will be timed.

    Of a target whose runtime it is, TensorRT alone, as it will be timed.
    """
    from edgetool.verification.device import device_runners, session_with
    from edgetool.verification.tensorrt import DeviceTensorRtRunner, wants_tensorrt

    with session_with(device) as board:
        found: list[Runner] = [DeviceTensorRtRunner(subject, board)]
        skipped: Mapping[str, str] = {}
        if not wants_tensorrt(subject.artifact, runtime):
            found, skipped = device_runners(board, subject, runtime)
        runners: list[Runner] = [ReferenceRunner(subject), *found]
        results = tuple(examine(runner, data, metric, progress) for runner in runners)
    return Verification(results, skipped)


def refuse_wrong_device(artifact: Artifact, device: SerialBoard | Device | None) -> None:
    """A serial line is for microcontrollers, an enrolled device for the others."""
    firmware = artifact.manifest.target["family"] == "microcontroller"
    if isinstance(device, Device) and firmware:
        raise UsageError(
            f"'{artifact.folder}' is firmware, and '{device.name}' is a Linux device",
            hints=("--device with the board's serial port, such as /dev/ttyACM0",),
        )
    if isinstance(device, SerialBoard) and not firmware:
        raise UsageError(
            f"'{artifact.folder}' is no firmware: a serial port cannot run it",
            hints=("--device with the name of an enrolled device: edgetool devices",),
        )


def gather(subject: Subject, samples: str | None, progress: Progress | None) -> Samples:
    """The samples to replay and what the reference makes of them."""
    program = subject.program
    if samples is None:
        golden_inputs, golden_outputs = subject.artifact.golden()
        named = dict(zip(program.input_names, program.inputs, strict=True))
        inputs = {named[port]: array for port, array in golden_inputs.items()}
        named = dict(zip(program.output_names, program.outputs, strict=True))
        expected = {named[port]: array for port, array in golden_outputs.items()}
        is_real = subject.artifact.manifest.golden.get("from") != NOISE
        return Samples(inputs, expected, None, is_real)
    dataset = load_data(samples, specs_of_artifact(subject.artifact))
    inputs = to_program(program, dataset.inputs)
    expected = execute(program, inputs, progress=labelled(progress, "reference"))
    outputs = {name: expected[name] for name in program.outputs}
    return Samples(inputs, outputs, dataset, is_real=True)


def runners(
    subject: Subject, compiler: str | None, emulator: str | None, emulated_samples: int | None
) -> dict[str, Callable[[], Runner]]:
    """The runtimes that the artifact has files for, by name."""
    artifact = subject.artifact
    found: dict[str, Callable[[], Runner]] = {"reference": lambda: ReferenceRunner(subject)}
    if artifact.path(TFLITE) is not None:
        found["litert"] = lambda: _litert(subject)
    found["onnxruntime"] = lambda: OnnxRuntimeRunner(subject)
    if artifact.path(SOURCES) is not None:
        found["emulator"] = lambda: _emulator(subject, compiler, emulator, emulated_samples)
    return found


def examine(
    runner: Runner, data: Samples, metric: str | None, progress: Progress | None
) -> RuntimeResult:
    """Run one runtime on whole samples and operator by operator."""
    data = data.first(runner.samples_limit)
    program = runner.program
    found = runner.outputs(data.inputs, progress)
    outputs = worst_of(
        {n: difference(program.tensors[n], data.expected[n], found[n]) for n in program.outputs}
    )
    operators = examine_operators(runner, data)
    first = program.outputs[0]
    decisions = decisions_equal(data.expected[first], found[first])
    scores: dict[str, Figure] = {}
    if data.dataset is not None and data.dataset.labels is not None:
        real = from_program(program, found)
        scores = evaluate(choose_metric(metric, real, data.dataset), real, data.dataset)
    problem = judge(runner, outputs, operators) or runner.judge_outputs(data.expected, found)
    if problem is None and data.is_real:
        problem = judge_decisions(decisions, data.count, runner.decisions_floor)
    return RuntimeResult(runner.name, data.count, outputs, operators, decisions, scores, problem)


def examine_operators(runner: Runner, data: Samples) -> dict[str, Difference]:
    """The difference of every operation, each fed the reference's values."""
    program = runner.program
    few = data.first(runner.operator_samples)
    values = runner.subject.reference(few.inputs, keep=True)
    values = {**values, **few.inputs}
    found = runner.operators(values)
    tensors = {
        name: difference(program.tensors[name], values[name], array)
        for name, array in found.items()
        if name in values
    }
    return by_operation(program, tensors)


def judge(runner: Runner, outputs: Difference, operators: Mapping[str, Difference]) -> str | None:
    """None when each operator is close enough; one that must be exact also as a whole."""
    relative = runner.relative
    if runner.subject.artifact.manifest.precision == "float16":
        relative = max(relative, HALF_PRECISION_RELATIVE)
    limits = {operation.name: runner.lsb_of(operation) for operation in runner.program.operations}
    beyond = first_beyond(operators, limits, relative)
    if beyond is not None:
        name, found = beyond
        amount = f"{found.lsb} LSB" if found.lsb is not None else f"{found.relative:.2g} relative"
        return f"layer {name} differs by {amount} on identical inputs"
    if runner.lsb == 0 and outputs.lsb is not None and not outputs.exact:
        return (
            f"outputs differ by {outputs.lsb} LSB though every operator alone is exact: "
            "the operators are put together wrongly (memory plan or order)"
        )
    return None


def judge_decisions(decisions: float, samples: int, floor: float) -> str | None:
    """None when the share decided as the reference decides is the floor; one may always differ.

    Only for real data: on noise every class is about as likely, and one step decides.
    """
    differing = round((1 - decisions) * samples)
    if differing <= max(1, (1 - floor) * samples):
        return None
    return f"{differing} of {samples} samples are decided otherwise than by the reference"


def _litert(subject: Subject) -> Runner:
    if not litert.is_available():
        raise MissingToolError("LiteRT is not installed", hints=("pip install 'edgetool[litert]'",))
    return LiteRtRunner(subject)


def _as_compiled(subject: Subject) -> Subject:
    """The subject with the program that its C runs, whose operations may be strips of layers."""
    return replace(subject, program=subject.artifact.c_program() or subject.program)


def _board(subject: Subject, device: SerialBoard, samples: int | None) -> Runner:
    from edgetool.verification.board import BoardRunner
    from edgetool.verification.emulator import DEFAULT_SAMPLES

    return BoardRunner(
        _as_compiled(subject), device, DEFAULT_SAMPLES if samples is None else samples
    )


def _emulator(
    subject: Subject, compiler: str | None, emulator: str | None, samples: int | None
) -> Runner:
    from edgetool.verification.emulator import DEFAULT_SAMPLES, EmulatorRunner

    manifest = subject.artifact.manifest
    recorded = (manifest.compiler or {}).get("family", "clang")
    target = subject.artifact.target()
    limit = DEFAULT_SAMPLES if samples is None else samples
    return EmulatorRunner(_as_compiled(subject), target, compiler or recorded, emulator, limit)
