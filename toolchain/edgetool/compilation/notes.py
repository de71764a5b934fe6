"""What compile says about its options and data where it need not refuse them."""

from __future__ import annotations

from pathlib import Path

from edgetool.compilation.precision_search import Choice
from edgetool.compilation.request import ACTIVATION_BITS, CompileRequest
from edgetool.data import Dataset, split_slice
from edgetool.graph import Graph
from edgetool.packs import Target


def budget_note(choice: Choice | None) -> tuple[str, ...]:
    """Which layers --budget gave 4-bit weights, and what its flash leaves out."""
    if choice is None:
        return ()
    narrow = choice.chosen.narrow
    count = f"{len(narrow)} layer{'s' if len(narrow) > 1 else ''}"
    layers = f"4-bit weights in {count}: {', '.join(narrow)}"
    if not narrow:
        layers = "int8 weights throughout are within it"
    uncounted = choice.budget.flash_bytes is not None and choice.chosen.flash_bytes is None
    more = ("--budget flash counts constants alone: no compiler ran",) if uncounted else ()
    return (f"--budget {choice.budget}: {layers}", *more)


def unused_calibration_note(
    calibration: Dataset | None, precision: str, source: Graph
) -> tuple[str, ...]:
    """A note when calibration data choose no ranges, so that nobody thinks they did."""
    why = why_nothing_is_quantized(precision, source)
    if calibration is None or not why:
        return ()
    return (f"calibration data set no ranges ({why}): they only become golden samples",)


def unscored_note(request: CompileRequest, evaluation: Dataset | None) -> tuple[str, ...]:
    """A note where --evaluate has nothing to score by."""
    if evaluation is None or evaluation.labels is not None or request.metric is not None:
        return ()
    return ("evaluation data hold no labels (an array named y): nothing is scored",)


def unused_rounding_notes(
    request: CompileRequest, precision: str, source: Graph
) -> tuple[str, ...]:
    """A note for each option about quantization where nothing is quantized."""
    why = why_nothing_is_quantized(precision, source)
    chosen = {
        f"--effort {request.effort}": request.effort != "fast",
        f"--recovery {request.recovery}": request.recovery,
        f"--ranges {request.ranges}": request.ranges,
        "--report": request.report,
    }
    return tuple(
        f"{option} changed nothing: nothing is quantized ({why})"
        for option, value in chosen.items()
        if value and why
    )


def why_nothing_is_quantized(precision: str, source: Graph) -> str:
    """The reason, or "" where a float model is quantized."""
    if source.is_quantized():
        return "the model brings its own int8 parameters"
    return "" if precision in ACTIVATION_BITS else precision


def data_notes(dataset: Dataset | None) -> tuple[str, ...]:
    """What was converted, with the data's name for their path: an artifact holds no place."""
    if dataset is None:
        return ()
    path = split_slice(dataset.path)[0]
    return tuple(note.replace(path, Path(path).name) for note in dataset.notes)


def simulation_note(precision: str) -> tuple[str, ...]:
    """What a precision without kernels is."""
    if precision != "w4a4":
        return ()
    return (
        "w4a4 is simulated: values are rounded to 4 bits and computed with in float32, for no"
        " runtime multiplies 4-bit activations",
    )


def speed_note(target: Target, precision: str, source: Graph) -> tuple[str, ...]:
    """A note where int8 was made for speed, and nobody has measured that it brings any.

    On processors with float vector units int8 is at times the slower one; a microcontroller
    without them is counted by profile.
    """
    runs_as_float = precision == "w4a4" or bool(why_nothing_is_quantized(precision, source))
    if target.family == "microcontroller" or runs_as_float:
        return ()
    where = "" if target.name == "host" else " --device NAME"
    return (
        f"whether {precision} is faster than float32 on '{target.name}' is not measured:"
        f" `edgetool profile{where}` of this artifact and of one with --precision float32 tells",
    )
