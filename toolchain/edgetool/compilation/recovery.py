"""What each step of recovery gained at the model's outputs, and how long it took."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.compilation.quantization_report import Stages
from edgetool.data import Dataset
from edgetool.figures import Figure
from edgetool.graph import Graph, static_shape
from edgetool.graph.execute import Executor
from edgetool.passes import PassContext
from edgetool.pipeline import PassReport, Step, run_pipeline
from edgetool.quantization.noise_tally import Power
from edgetool.quantization.ranges import DEFAULT_METHOD, chosen_method
from edgetool.quantization.recovery_steps import BIAS, EQUALIZE, ROUNDING, chosen_steps

LEAST_SAMPLES = 8
MOST_ELEMENTS = 1 << 26
"""Of all activations over all samples: a second or two for each step."""
RANGES = "ranges"
"""Chosen by samples held back, a step among the others at --effort max."""


@dataclass(frozen=True)
class RecoveryStep:
    """A step added to those before it.

    sqnr_db: of the model with all steps so far, None where nothing differs from float.
    gain_db: over the model without this one.   seconds: wall time that it added.
    """

    name: str
    sqnr_db: float | None
    gain_db: float | None
    seconds: float = field(compare=False)

    def to_json(self) -> dict[str, Any]:
        """Without seconds, which differ from run to run."""
        decibels = {"gain_db": self.gain_db, "sqnr_db": self.sqnr_db}
        return {"name": self.name, **_decibels(decibels)}


@dataclass(frozen=True)
class Recovery:
    """data: "evaluation" or "calibration".   sqnr_db: without any step."""

    data: str
    samples: int
    sqnr_db: float | None
    steps: tuple[RecoveryStep, ...]

    def to_json(self, with_seconds: bool = False) -> dict[str, Any]:
        """For the manifest; with seconds for --json."""
        steps = [step.to_json() for step in self.steps]
        if with_seconds:
            for content, step in zip(steps, self.steps, strict=True):
                content["seconds"] = Figure(round(step.seconds, 3), "s", "measured").to_json()
        facts = {"data": self.data, "samples": self.samples}
        return {**facts, **_decibels({"sqnr_db": self.sqnr_db}), "steps": steps}


Told = Callable[[Recovery], None]
Samples = Mapping[str, npt.NDArray[Any]]
Run = Callable[[Graph, Samples], Samples]


@dataclass(frozen=True)
class _Network:
    """A quantized graph, and what the step that led to it took."""

    step: str
    graph: Graph
    seconds: float


def measure_recovery(
    stages: Stages,
    reports: Sequence[PassReport],
    context: PassContext,
    calibration: Dataset | None,
    evaluation: Dataset | None,
    run: Run,
) -> Recovery | None:
    """Add the steps one after the other; None where nothing was quantized or no step was asked.

    Evaluation samples are taken where there are any: no step has seen them.
    run: the outputs of a quantized graph, as the artifact will compute them.
    """
    dataset = evaluation or calibration
    if not wants_recovery(context.options) or stages.pair is None or dataset is None:
        return None
    reference = stages.pair[0]
    samples = _affordable(reference, dataset.inputs)
    expected = Executor(reference).run_samples(samples)
    before, *steps = _chain(stages, {each.name: each.seconds for each in reports}, context)
    sqnr_db = last = _sqnr_db(expected, run(before.graph, samples))
    found = []
    for network in steps:
        reached = _sqnr_db(expected, run(network.graph, samples))
        gain = None if reached is None or last is None else round(reached - last, 3)
        found.append(RecoveryStep(network.step, reached, gain, network.seconds))
        last = reached
    count = min(len(array) for array in samples.values())
    data = "evaluation" if evaluation is not None else "calibration"
    return Recovery(data, count, sqnr_db, tuple(found))


def wants_recovery(options: Mapping[str, Any]) -> bool:
    """Whether any step is switched on."""
    return bool(chosen_steps(options)) or chosen_method(options) == "auto"


def _chain(
    stages: Stages, seconds: Mapping[str, float], context: PassContext
) -> Iterator[_Network]:
    """The network without any step, then with one more each time; the last is the compiled one."""
    steps, by_samples = chosen_steps(context.options), chosen_method(context.options) == "auto"
    rule = DEFAULT_METHOD if by_samples else chosen_method(context.options)
    trial = _Trial(context, {"ranges": rule, "progress": None})
    equalized, quantized = stages.graphs["equalize_channels"], stages.graphs["quantize_static"]
    ruled = trial.quantize(equalized) if by_samples else _Network("", quantized, 0.0)
    yield trial.quantize(stages.graphs["float"]) if EQUALIZE in steps else ruled
    if EQUALIZE in steps:
        yield _Network(EQUALIZE, ruled.graph, seconds["equalize_channels"])
    if by_samples:
        yield _Network(RANGES, quantized, max(seconds["quantize_static"] - ruled.seconds, 0.0))
    if not steps & {BIAS, ROUNDING}:
        return
    final, took = stages.graphs["reconstruct_weights"], seconds["reconstruct_weights"]
    if steps >= {BIAS, ROUNDING}:  # one pass does both: biases alone are what rounding adds to
        biased = trial.set_biases(equalized, quantized)
        yield biased
        yield _Network(ROUNDING, final, max(took - biased.seconds, 0.0))
    else:
        yield _Network(ROUNDING if ROUNDING in steps else BIAS, final, took)


@dataclass(frozen=True)
class _Trial:
    """Runs single passes again, with other options."""

    context: PassContext
    options: Mapping[str, Any]

    def quantize(self, graph: Graph) -> _Network:
        """By the rule alone."""
        return self._run("", "quantize_static", graph, {}, None)

    def set_biases(self, reference: Graph, quantized: Graph) -> _Network:
        """As a step of its own."""
        only = {"recovery": (BIAS,)}
        return self._run(BIAS, "reconstruct_weights", quantized, only, reference)

    def _run(
        self,
        step: str,
        name: str,
        graph: Graph,
        options: Mapping[str, Any],
        reference: Graph | None,
    ) -> _Network:
        chosen = {**self.context.options, **self.options, **options}
        context = replace(self.context, options=chosen, float_graph=reference)
        changed, (report,) = run_pipeline(graph, context, ((Step(name),),))
        return _Network(step, changed, report.seconds)


def _affordable(graph: Graph, samples: Samples) -> dict[str, npt.NDArray[Any]]:
    """As many samples, evenly spread, as MOST_ELEMENTS allows."""
    values = (value for node in graph.graph for value in node.outputs)
    elements = sum(math.prod(static_shape(value) or (1,)) for value in values)
    available = min(len(array) for array in samples.values())
    count = min(max(MOST_ELEMENTS // max(elements, 1), LEAST_SAMPLES), available)
    index = np.linspace(0, available - 1, count).astype(np.int64)
    return {name: array[index] for name, array in samples.items()}


def _sqnr_db(expected: Samples, found: Samples) -> float | None:
    power = Power()
    power.add(
        list(expected.values()), [found[name].reshape(expected[name].shape) for name in expected]
    )
    return None if power.db is None else round(power.db, 3)


def _decibels(values: Mapping[str, float | None]) -> dict[str, Any]:
    known = {name: value for name, value in values.items() if value is not None}
    return {name: Figure(value, "dB", "computed").to_json() for name, value in known.items()}
