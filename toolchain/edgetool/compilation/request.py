"""What the user asked to compile, and the choices that follow from model and target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgetool.compilation.budget import Budget
from edgetool.compilation.patching import Fit
from edgetool.errors import DataError, ModelError, UsageError
from edgetool.graph import Graph
from edgetool.kernels import OPTIMIZE
from edgetool.packs import Target
from edgetool.quantization.recovery_steps import STEPS, parse_steps

COMPILERS = ("clang", "gcc", "none")
RANGES = ("minmax", "percentile", "mse", "lp", "entropy", "auto")
EFFORTS = ("fast", "normal", "max")
ACTIVATION_BITS = {
    "int8": 8,
    "int16x8": 16,
    "w4a8": 8,
    "w4a4": 4,
}
"""Of the precisions that calibration makes."""
HOW_TO_CALIBRATE = (
    "--calibrate data.npz     an array named as the model's input (or x), a few hundred samples",
    "--calibrate images/      a folder of images or .npy files",
    "--calibrate my_data:load a function that returns them",
)


@dataclass(frozen=True)
class CompileRequest:
    """The command line of compile.

    precision, io, name, output, metric: None takes the target's or model's default.
    calibrate, evaluate: data specifications as edgetool.data reads them.
    shapes: input name to full shape.   ranges: how calibration chooses activation ranges.
    effort: "normal" recovers what rounding loses, in time; "max" also chooses ranges by samples
    held back.   recovery: which steps that do so, in place of the effort's; "none" for none.
    optimize: what C kernels are chosen for; the other kinds of target have no such choice.
    fit: "ram", or "ram=" and a number of bytes: the first layers in strips.
    budget: limits that hold by giving some layers 4-bit weights, such as "flash=200K".
    report: measure what quantization costs in each layer, and keep it in the artifact.
    """

    model: Path
    target: str
    precision: str | None = None
    calibrate: str | None = None
    evaluate: str | None = None
    metric: str | None = None
    io: str | None = None
    compiler: str = "clang"
    ranges: str | None = None
    effort: str = "fast"
    recovery: str | None = None
    optimize: str = "balanced"
    fit: str | None = None
    budget: tuple[str, ...] = ()
    report: bool = False
    name: str | None = None
    output: Path | None = None
    force: bool = False
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def model_name(self) -> str:
        """A valid C identifier from --name, or from the file's name."""
        name = re.sub(r"\W+", "_", self.name or self.model.stem, flags=re.ASCII).strip("_").lower()
        return f"model_{name}" if not name or name[0].isdigit() else name

    def folder(self, target: Target, precision: str) -> Path:
        """Where the artifact goes: --output, or build/<model>-<target>[-<precision>]."""
        if self.output is not None:
            return self.output
        suffix = "" if precision == target.default_precision else f"-{precision}"
        return Path("build") / f"{self.model_name}-{target.name}{suffix}"

    def with_fit_of_budget(self) -> CompileRequest:
        """--budget ram=40K does what --fit ram=40K does, and refuses what is left above it."""
        ram_bytes = Budget.parse(self.budget).ram_bytes
        if ram_bytes is None or self.fit is not None:
            return self
        return replace(self, fit=f"ram={ram_bytes}")

    def check(self) -> None:
        """Refuse option values that no step knows."""
        for option, value, known in (
            ("--compiler", self.compiler, COMPILERS),
            ("--ranges", self.ranges, (None, *RANGES)),
            ("--effort", self.effort, EFFORTS),
            ("--optimize", self.optimize, OPTIMIZE),
            ("--io", self.io, (None, "int8", "int16", "float32")),
        ):
            if value not in known:
                choices = ", ".join(str(choice) for choice in known if choice)
                raise UsageError(f"{option} {value} is not known", hints=(f"one of: {choices}",))
        if self.fit is not None:
            Fit.parse(self.fit)
        if self.recovery is not None and parse_steps(self.recovery) is None:
            raise UsageError(
                f"--recovery {self.recovery} is not known",
                hints=(f"--recovery {','.join(STEPS)}    or some of these, or none",),
            )
        Budget.parse(self.budget)
        if self.metric is not None and self.evaluate is None:
            raise UsageError(
                f"--metric {self.metric} has no data to score",
                hints=("--evaluate DATA, with labels",),
            )


def choose_precision(request: CompileRequest, target: Target, graph: Graph) -> str:
    """The precision to compile for.

    Raises: UsageError for one the target lacks, ModelError when the model cannot have it,
    DataError when it needs calibration data and there are none.
    """
    own = graph.integer_precision()
    precision = request.precision or own or target.default_precision
    _check_target_has(precision, request, target, graph)
    if own is not None and precision != own:
        raise ModelError(
            f"'{request.model}' is already quantized to {own}: {precision} cannot be made of it",
            hints=("give the float model", f"leave out --precision to keep its {own} parameters"),
        )
    if request.budget:
        _check_budget(request, precision, target, graph)
    if precision in ACTIVATION_BITS and not graph.is_quantized() and request.calibrate is None:
        implied = "" if request.precision else f" (the default of '{target.name}')"
        fallback = (
            ("--precision float32      if it fits",) if "float32" in target.precisions else ()
        )
        raise DataError(
            f"precision {precision}{implied} needs calibration data for a float model",
            details=("random data would give meaningless ranges, so none are made up",),
            hints=HOW_TO_CALIBRATE + fallback,
        )
    return precision


def _check_budget(request: CompileRequest, precision: str, target: Target, graph: Graph) -> None:
    """--budget chooses between int8 and 4-bit weights, of a float model."""
    _check_board_limits(request, target)
    if graph.is_quantized():
        raise ModelError(
            "--budget chooses the precision of weights, and the model brings its own",
            hints=("give the float model",),
        )
    if precision != "int8":
        raise UsageError(
            f"--budget chooses between int8 and 4-bit weights, not with {precision}",
            hints=("--precision int8, or leave out --budget",),
        )
    if "w4a8" not in target.precisions:
        raise UsageError(
            f"--budget gives layers 4-bit weights, and '{target.name}' has no w4a8",
            hints=("leave out --budget",),
        )


def _check_board_limits(request: CompileRequest, target: Target) -> None:
    """RAM and latency are known beforehand of generated C alone."""
    budget = Budget.parse(request.budget)
    if target.core is None and budget.ram_bytes is not None:
        raise UsageError(
            f"--budget ram is for generated C, and '{target.name}' runs none",
            hints=("leave out --budget ram",),
        )
    if budget.latency_s is None:
        return
    if target.core is None:
        raise UsageError(
            f"--budget latency is estimated for microcontrollers, not for '{target.name}'",
            hints=("edgetool profile --device NAME measures it",),
        )
    if not target.clock_hz or request.compiler == "none":
        why = "no compiler runs" if target.clock_hz else f"'{target.name}' has no clock"
        raise UsageError(
            f"--budget latency cannot be estimated: {why}",
            hints=("a board such as nucleo-l4r5zi, with --compiler clang",),
        )


def _check_target_has(
    precision: str, request: CompileRequest, target: Target, graph: Graph
) -> None:
    if precision in target.precisions:
        if precision == "int8" and graph.has_int4() and "w4a8" not in target.precisions:
            raise UsageError(
                f"target '{target.name}' has no w4a8, and some layers have 4-bit weights",
                hints=("give the float model",),
            )
        return
    hints = [f"--precision {target.default_precision}"]
    if precision in ("w4", "w4a4") and "w4a8" in target.precisions:
        hints = ["--precision w4a8     weights of 4 bits, activations int8"]
    if precision == "bfloat16" and "float16" in target.precisions:
        hints = ["--precision float16"]
    if graph.is_quantized():
        own = graph.integer_precision()
        hints = [f"give the float model: its weights cannot be recovered from {own}"]
        if own in target.precisions:
            hints = [f"leave out --precision to keep its {own} parameters"]
    raise UsageError(
        f"target '{target.name}' has no {precision}: it runs {', '.join(target.precisions)}",
        details=target.notes,
        hints=hints,
    )
