"""edgetool inspect: what is in a model, before anything is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.compile import SHAPE_OPTION, parse_shapes
from edgetool.cli.printing import table
from edgetool.cli.terminal import JSON_OPTION, print_json, say, verb

if TYPE_CHECKING:
    from edgetool.inspection import Inspection


@verb
def run(
    model: Path = typer.Argument(..., metavar="MODEL", help="An .onnx or .tflite file."),
    target: str = typer.Option(
        None, metavar="TARGET", help="Say also what this target would refuse."
    ),
    shape: list[str] = SHAPE_OPTION,
    json_output: bool = JSON_OPTION,
) -> None:
    """Show a model layer by layer, before anything is built.

    MACs, bytes of weights, bytes of activations that are live at once, and what a target does
    not support. On a microcontroller an output may be written over an input that is not read
    again: such bytes count once.
    """
    from edgetool.inspection import inspect_model

    inspection = inspect_model(model, target, parse_shapes(shape))
    if json_output:
        print_json(summary(inspection, target))
    else:
        _print(inspection, target)


def summary(inspection: Inspection, target: str | None) -> dict[str, Any]:
    """What `inspect --json` prints."""
    content: dict[str, Any] = {"schema_version": 1, "model": inspection.model}
    if target is not None:
        content |= {"target": target, "fits": not inspection.problems}
    content |= {"precision": inspection.precision, "inputs": dict(inspection.inputs)}
    content |= {name: figure.to_json() for name, figure in inspection.figures.items()}
    content["layers"] = [layer.to_json() for layer in inspection.layers]
    content["problems"] = list(inspection.problems)
    content["notes"] = list(inspection.notes)
    return content


def _print(inspection: Inspection, target: str | None) -> None:
    from edgetool.figures import format_figure

    rows = [
        [
            layer.name if not layer.unsupported else f"{layer.name}  UNSUPPORTED",
            layer.operator,
            "x".join(map(str, layer.output_shape)),
            f"{layer.macs:,}" if layer.macs else "–",
            f"{layer.weight_bytes:,}" if layer.weight_bytes else "–",
            f"{layer.live_bytes:,}" if layer.live_bytes is not None else "–",
        ]
        for layer in inspection.layers
    ]
    table(["layer", "operator", "output", "MACs", "weight bytes", "live bytes"], rows)
    sizes = ", ".join(f"{n} {format_figure(f)}" for n, f in inspection.figures.items())
    print(f"\n{inspection.model} as {inspection.precision}: {sizes} (computed)")
    for note in inspection.notes:
        say(f"  {note}")
    for problem in inspection.problems:
        print(f"problem on {target}: {problem}")
    if target is not None and not inspection.problems:
        print(f"nothing found that stops it on {target}; `edgetool compile` decides")
