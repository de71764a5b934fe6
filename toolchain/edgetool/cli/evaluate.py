"""edgetool evaluate: how good, and how close to the float model?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.compile import SHAPE_OPTION, parse_shapes
from edgetool.cli.printing import print_figures
from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import JSON_OPTION, print_json, say, verb

if TYPE_CHECKING:
    from edgetool.evaluation import Evaluation

EXAMPLE = """\b
Examples:
  edgetool evaluate build/kws-cortex-m4 --samples test.npz --reference kws.onnx
  edgetool evaluate kws.onnx --samples test.npz
"""


@verb
def run(
    model: Path = typer.Argument(
        ..., metavar="ARTIFACT", help="A folder written by `edgetool compile`, or a model file."
    ),
    samples: str = typer.Option(
        ..., metavar="DATA", help="Labelled samples: .npz, folder, or module:function."
    ),
    reference: Path = typer.Option(
        None, metavar="MODEL", help="The float model (or artifact) whose outputs are the truth."
    ),
    metric: str = typer.Option(
        None, metavar="NAME", help="top1, auc, mse or module:function; default: what labels suit."
    ),
    shape: list[str] = SHAPE_OPTION,
    json_output: bool = JSON_OPTION,
) -> None:
    """Score a model on samples, alone and against its float reference.

    Integer models are computed by the reference executor, bit for bit what the generated C
    computes, whatever this machine's CPU makes of them.
    """
    from edgetool.evaluation import evaluate_model

    with ProgressBar() as progress:
        evaluation = evaluate_model(
            model, samples, reference, metric, parse_shapes(shape), progress
        )
    if json_output:
        print_json(summary(evaluation, model))
    else:
        _print(evaluation, model)


def summary(evaluation: Evaluation, model: Path) -> dict[str, Any]:
    """What `evaluate --json` prints. One output's closeness stands at the top as well."""
    content: dict[str, Any] = {
        "schema_version": 1,
        "model": str(model),
        "judge": evaluation.judge,
        "samples": evaluation.samples,
        "metric": _json(evaluation.metric),
    }
    if evaluation.closeness:
        content["reference_metric"] = _json(evaluation.reference_metric)
        content["outputs"] = {name: _json(each) for name, each in evaluation.closeness.items()}
        if len(evaluation.closeness) == 1:
            content |= _json(next(iter(evaluation.closeness.values())))
    content["notes"] = list(evaluation.notes)
    return content


def _json(figures: Any) -> dict[str, Any]:
    return {name: figure.to_json() for name, figure in figures.items()}


def _print(evaluation: Evaluation, model: Path) -> None:
    for note in evaluation.notes:
        say(f"note: {note}")
    print(f"{model.name}, {evaluation.samples} samples")
    figures = dict(evaluation.metric)
    figures |= {f"{name} of the reference": f for name, f in evaluation.reference_metric.items()}
    for output, found in evaluation.closeness.items():
        of_output = f" of {output}" if len(evaluation.closeness) > 1 else ""
        figures |= {f"{name}{of_output}": figure for name, figure in found.items()}
    print_figures(figures)
    if evaluation.closeness and not any("sqnr_db" in f for f in evaluation.closeness.values()):
        print("  outputs identical to the reference's")
