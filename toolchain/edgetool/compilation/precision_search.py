"""--budget: which layers' weights take 4 bits so that a limit holds and least is lost.

Layers are ranked once by the noise that 4-bit weights add for each byte they free. Along that
ranking networks are quantized and measured with the integer executor; where flash is limited, the
candidate is built, for code grows by the kernels that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool import pipeline
from edgetool.compilation.budget import Budget
from edgetool.compilation.fitting import constant_bytes
from edgetool.data import Dataset
from edgetool.errors import DataError, DoesNotFitError, QuantizationError, UsageError
from edgetool.figures import Figure
from edgetool.graph import Graph
from edgetool.graph.execute import Executor
from edgetool.metrics import choose_metric, evaluate
from edgetool.passes import PassContext
from edgetool.program.boundary import from_program, to_program
from edgetool.program.executor import execute
from edgetool.program.program import Program
from edgetool.quantization.narrowing import Narrowing, narrowest_within, rank_narrowings
from edgetool.quantization.noise_tally import Power
from edgetool.runtimes.session import Progress

Array = npt.NDArray[Any]

MOST_POINTS = 12
MOST_BUILDS = 4
MOST_REPLACEMENTS = 2
MOST_TIMED = 4
MOST_SAMPLES, LEAST_SAMPLES, MOST_MACS = 64, 8, 2_000_000_000
SHARES = ("top1", "auc")  # metrics whose hundredths are points


@dataclass(frozen=True)
class Point:
    """A network with 4-bit weights in some layers.

    narrow: names of those.   sqnr_db: None where outputs are identical to float.
    accuracy, ram_bytes: where the budget limits it.   flash_bytes: where it was built.
    latency_s: where it was emulated, estimated.
    """

    narrow: tuple[str, ...]
    constant_bytes: int
    sqnr_db: float | None
    accuracy: float | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    latency_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Figures; what is not known is left out."""
        bytes_ = {"constant_bytes": self.constant_bytes, "flash_bytes": self.flash_bytes}
        bytes_["ram_bytes"] = self.ram_bytes
        known = {n: Figure(v, "B", "computed") for n, v in bytes_.items() if v is not None}
        if self.sqnr_db is not None:
            known["sqnr_db"] = Figure(self.sqnr_db, "dB", "computed")
        if self.accuracy is not None:
            known["accuracy"] = Figure(self.accuracy, "1", "computed")
        if self.latency_s is not None:
            known["latency_s"] = Figure(self.latency_s, "s", "estimated")
        return {
            "int4_layers": list(self.narrow),
            **{name: figure.to_json() for name, figure in known.items()},
        }

    @property
    def text(self) -> str:
        """For an error."""
        many = "s" if len(self.narrow) > 1 else ""
        layers = f"4-bit weights in {len(self.narrow)} layer{many}"
        layers = layers if self.narrow else "int8 throughout"
        size = f"{self.constant_bytes:,} bytes of constants"
        if self.flash_bytes is not None:
            size = f"{self.flash_bytes:,} bytes of flash"
        if self.ram_bytes is not None:
            size += f", {self.ram_bytes:,} bytes of RAM"
        if self.latency_s is not None:
            size += f", {1e3 * self.latency_s:.3g} ms (estimated)"
        close = "identical to float" if self.sqnr_db is None else f"{self.sqnr_db:.1f} dB SQNR"
        score = "" if self.accuracy is None else f", accuracy {self.accuracy:.4g}"
        return f"{layers}: {size}, {close}{score}"


@dataclass(frozen=True)
class Choice:
    """points: measured, the largest first.   chosen: one of them."""

    budget: Budget
    points: tuple[Point, ...]
    chosen: Point
    judged_by: str

    @property
    def pareto(self) -> tuple[Point, ...]:
        """The points that no other beats in size and SQNR, and the chosen one."""
        return tuple(p for p in self.points if p is self.chosen or not self._is_beaten(p))

    def to_json(self) -> dict[str, Any]:
        """For manifest and --json."""
        return {
            "asked": str(self.budget),
            "judge": self.judged_by,
            "pareto": [{**p.to_json(), "chosen": p is self.chosen} for p in self.pareto],
        }

    def _is_beaten(self, point: Point) -> bool:
        return any(
            (other.constant_bytes, -_quality(other)) != (point.constant_bytes, -_quality(point))
            and other.constant_bytes <= point.constant_bytes
            and _quality(other) >= _quality(point)
            for other in self.points
        )


def _flash(point: Point) -> int:
    """Bytes, of constants alone where no compiler runs."""
    return point.constant_bytes if point.flash_bytes is None else point.flash_bytes


def _quality(point: Point) -> float:
    return float("inf") if point.sqnr_db is None else point.sqnr_db


@dataclass(frozen=True)
class Question:
    """What is to be searched.

    lower: a quantized graph to the Program as it will run.   flash_of, latency_of: build a
    Program for its flash and its estimated latency, None where no compiler runs.
    ram_of: bytes of its arena.   metric: as --metric.
    """

    source: Graph
    context: PassContext
    budget: Budget
    calibration: Dataset
    evaluation: Dataset | None
    metric: str | None
    lower: Callable[[Graph], Program]
    flash_of: Callable[[Program], int] | None
    ram_of: Callable[[Program], int] | None = None
    latency_of: Callable[[Program], float] | None = None


def search_precisions(question: Question, progress: Progress | None = None) -> Choice:
    """The layers whose weights take 4 bits.

    Raises: DoesNotFitError or QuantizationError with the closest solution where the budget cannot
    be met; DataError for an accuracy budget without labels.
    """
    search = _Search(question, progress)
    points = list(search.along_the_ranking())
    chosen = _choose(search, points)
    if all(chosen.narrow != point.narrow for point in points):
        points.append(chosen)
    points = [
        chosen if point.narrow == chosen.narrow else search.with_what_is_known(point)
        for point in points
    ]
    points.sort(key=lambda point: (-point.constant_bytes, len(point.narrow)))
    return Choice(question.budget, tuple(points), chosen, search.judged_by)


def _choose(search: _Search, points: Sequence[Point]) -> Point:
    budget = search.question.budget
    if budget.flash_bytes is not None:
        chosen = search.within_flash(points, budget.flash_bytes)
        _require_quality(search, chosen, chosen)
        return _require_latency(search, [chosen])
    holding = list(takewhile(lambda point: not search.missed(point), points))
    if not holding:
        _require_quality(search, points[0], max(points, key=_quality))
    # The last before one misses, for a lucky one further on is not trusted; int8 throughout
    # where nothing asks for fewer bits.
    return _require_latency(search, holding[::-1] if budget.wants_fewer_bits else holding)


def _require_latency(search: _Search, points: Sequence[Point]) -> Point:
    """The first point within the budget's latency."""
    limit = search.question.budget.latency_s
    if limit is None:
        return points[0]
    timed = []
    for point in points[:MOST_TIMED]:
        timed.append(search.timed(point))
        if timed[-1].latency_s is not None and timed[-1].latency_s <= limit:
            return timed[-1]
    closest = min(timed, key=lambda point: point.latency_s or 0.0)
    raise DoesNotFitError(
        f"budget {search.question.budget} cannot be met: no network was estimated to be as fast",
        details=(f"closest: {closest.text}",),
        hints=(
            "--optimize speed          may spend flash",
            "fewer channels or a smaller input, a faster board, or a larger budget",
        ),
    )


def _require_quality(search: _Search, point: Point, closest: Point) -> None:
    if over := search.over_ram(point):
        raise DoesNotFitError(
            f"budget {search.question.budget} cannot be met: {over}",
            details=(f"closest: {closest.text}",),
            hints=("a smaller input, or fewer channels", "a larger budget"),
        )
    missed = search.missed(point)
    if missed:
        fast = search.question.context.options.get("effort", "fast") == "fast"
        recover = ("--effort normal          rounds weights by what their layers give",)
        raise QuantizationError(
            f"budget {search.question.budget} cannot be met: {missed}",
            details=(f"closest: {closest.text}",),
            hints=(
                *(recover if fast else ()),
                "--precision int16x8      activations of 16 bits",
                "a larger budget",
            ),
        )


class _Search:
    """Quantizes and measures networks with 4-bit weights in given layers."""

    def __init__(self, question: Question, progress: Progress | None) -> None:
        self.question, self.progress = question, progress
        self.built: dict[tuple[str, ...], int] = {}
        self.latencies: dict[tuple[str, ...], float] = {}
        kept: dict[str, Graph] = {}
        pipeline.run_pipeline(
            question.source,
            question.context,
            (pipeline.FLOAT, pipeline.QUANTIZE),
            lambda name, graph: kept.update({name: graph.clone()}),
        )
        self.reference = kept["equalize_channels"]
        quantized = kept["reconstruct_weights"]
        self.ranked: list[Narrowing] = rank_narrowings(
            self.reference, quantized, question.calibration.inputs, progress
        )
        self.dataset = self._samples(question.lower(quantized))
        session = Executor(self.reference)
        found = session.run_samples(self.dataset.inputs)
        self.expected = {name: array[:, 0] for name, array in found.items()}
        self.reference_accuracy = self._accuracy(self.expected)

    @property
    def judged_by(self) -> str:
        """What the figures were computed with."""
        kind = "calibration" if self.question.evaluation is None else "evaluation"
        return f"reference executor, {self.dataset.samples} {kind} samples"

    def along_the_ranking(self) -> Iterator[Point]:
        """Networks with no, some, all layers narrow; none where nothing asks for fewer bits."""
        wanted = self.question.budget.wants_fewer_bits
        count = min(len(self.ranked), MOST_POINTS - 1) if wanted else 0
        last = len(self.ranked) if wanted else 0
        sizes = np.unique(np.linspace(0, last, count + 1).astype(int))
        for done, size in enumerate(sizes, start=1):
            yield self.measure(tuple(each.layer for each in self.ranked[:size]))
            if self.progress is not None:
                self.progress(done, len(sizes), "measure precisions")

    def measure(self, narrow: tuple[str, ...], with_flash: bool = False) -> Point:
        """Quantize with these layers narrow, and compare with float."""
        program = self._program(narrow)
        outputs = from_program(program, execute(program, to_program(program, self.dataset.inputs)))
        power = Power()
        power.add(
            list(self.expected.values()),
            [outputs[n].reshape(self.expected[n].shape) for n in self.expected],
        )
        flash = self._flash_of(narrow, program) if with_flash else None
        accuracy = self._accuracy(outputs)
        ram_of = self.question.ram_of
        limited = self.question.budget.ram_bytes is not None and ram_of is not None
        ram = ram_of(program) if limited and ram_of is not None else None
        return Point(narrow, constant_bytes(program), power.db, accuracy, flash, ram)

    def timed(self, point: Point) -> Point:
        """The point with its estimated latency."""
        if point.narrow not in self.latencies and self.question.latency_of is not None:
            program = self._program(point.narrow)
            self.latencies[point.narrow] = self.question.latency_of(program)
        return self.with_what_is_known(point)

    def with_what_is_known(self, point: Point) -> Point:
        """The point with what builds have told of it."""
        known = replace(point, latency_s=self.latencies.get(point.narrow))
        flash = self.built.get(point.narrow)
        return known if flash is None else replace(known, flash_bytes=flash)

    def _program(self, narrow: tuple[str, ...]) -> Program:
        question = self.question
        options = {**question.context.options, "narrow_layers": frozenset(narrow)}
        context = replace(question.context, options={**options, "progress": None})
        graph, _ = pipeline.run_pipeline(self.reference, context, (pipeline.QUANTIZE[1:],))
        return question.lower(graph)

    def _flash_of(self, narrow: tuple[str, ...], program: Program) -> int | None:
        """Built once for each choice of layers."""
        if narrow not in self.built and self.question.flash_of is not None:
            self.built[narrow] = self.question.flash_of(program)
        return self.built.get(narrow)

    def within_flash(self, points: Sequence[Point], limit: int) -> Point:
        """The network of least noise found whose flash is within the limit.

        points: along the ranking.
        Raises: DoesNotFitError with the smallest network's flash where none is.
        """
        widest = self.measure(points[0].narrow, with_flash=True)
        if _flash(widest) <= limit:
            return widest
        smallest = self.measure(points[-1].narrow, with_flash=True)
        if _flash(smallest) > limit:
            raise DoesNotFitError(
                f"budget flash={limit} cannot be met by 4-bit weights",
                details=(f"closest: {smallest.text}",),
                hints=("--optimize size", "fewer channels, or a larger budget"),
            )
        found = self._first_within(widest, limit) or smallest
        better = [point for point in points if self._could_replace(point, found)]
        for point in sorted(better, key=_quality, reverse=True)[:MOST_REPLACEMENTS]:
            built = self.measure(point.narrow, with_flash=True)
            if _flash(built) <= limit:
                return built
        return found

    def _first_within(self, point: Point, limit: int) -> Point | None:
        """By the bytes that the ranking promises, more each time that code has taken its part."""
        to_save = 0
        for _ in range(MOST_BUILDS):
            to_save += _flash(point) - limit
            layers = narrowest_within(self.ranked, to_save)
            if layers is None:
                return None
            point = self.measure(layers, with_flash=True)
            if _flash(point) <= limit:
                return point
        return None

    def _could_replace(self, point: Point, found: Point) -> bool:
        """Whether it is closer to float and no larger: noises of layers only nearly add up."""
        return _quality(point) > _quality(found) and point.constant_bytes <= found.constant_bytes

    def missed(self, point: Point) -> str:
        """Which limit of what may be lost does not hold, "" where all do."""
        budget = self.question.budget
        if over := self.over_ram(point):
            return over
        if budget.sqnr_db is not None and _quality(point) < budget.sqnr_db:
            return f"{_quality(point):.1f} dB SQNR, {budget.sqnr_db:g} asked"
        if budget.accuracy is None or point.accuracy is None or self.reference_accuracy is None:
            return ""
        lost = self.reference_accuracy - point.accuracy
        if lost <= budget.accuracy + 1e-12:
            return ""
        return f"{100 * lost:.2f} points lost, {100 * budget.accuracy:g} allowed"

    def over_ram(self, point: Point) -> str:
        """What the arena needs above the limit, "" where it is within it."""
        limit = self.question.budget.ram_bytes
        if limit is None or point.ram_bytes is None or point.ram_bytes <= limit:
            return ""
        return f"the arena needs {point.ram_bytes:,} bytes, in strips where they help"

    def _accuracy(self, outputs: Mapping[str, Array]) -> float | None:
        question = self.question
        if question.budget.accuracy is None or question.evaluation is None:
            return None
        metric = choose_metric(question.metric, outputs, question.evaluation)
        found = evaluate(metric, outputs, question.evaluation)
        name, figure = next(iter(found.items()), ("nothing", None))
        if figure is None or name not in SHARES:
            raise UsageError(
                f"--budget accuracy needs a share, and the metric is {name}",
                hints=("--metric top1 or auc, with labels", "--budget sqnr=25dB needs no labels"),
            )
        return figure.value

    def _samples(self, program: Program) -> Dataset:
        """All evaluation samples where accuracy counts, else as many as are quickly computed."""
        question = self.question
        if question.budget.accuracy is not None:
            if question.evaluation is None:
                raise DataError(
                    "--budget accuracy has nothing to score by",
                    hints=("--evaluate DATA, with labels",),
                )
            return question.evaluation
        count = min(max(MOST_MACS // max(program.total_macs(), 1), LEAST_SAMPLES), MOST_SAMPLES)
        return (question.evaluation or question.calibration).first(count)
