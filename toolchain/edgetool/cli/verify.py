"""edgetool verify: the same numbers in every runtime?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.printing import table
from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import (
    ARTIFACT_ARGUMENT,
    BAUD_OPTION,
    COMPILER_OPTION,
    DEVICE_OPTION,
    EMULATOR_OPTION,
    JSON_OPTION,
    TIMEOUT_OPTION,
    device_at,
    print_error,
    print_json,
    save_result,
    say,
    verb,
)

if TYPE_CHECKING:
    from edgetool.verification import Verification
    from edgetool.verification.differences import Difference
    from edgetool.verification.verify import RuntimeResult


@verb
def run(
    artifact: Path = ARTIFACT_ARGUMENT,
    samples: str = typer.Option(
        None,
        metavar="DATA",
        help="Replayed instead of the golden inputs: .npz, folder, or module:function.",
    ),
    compiler: str = COMPILER_OPTION,
    emulator: str = EMULATOR_OPTION,
    emulated_samples: int = typer.Option(
        None, min=1, metavar="N", help="How many samples emulator or board replay (default 100)."
    ),
    device: str = DEVICE_OPTION,
    baud: int = BAUD_OPTION,
    timeout: float = TIMEOUT_OPTION,
    runtime: str = typer.Option(
        "auto",
        metavar="NAME",
        help="Of an enrolled --device: onnxruntime, litert, tensorrt, c; auto: each that it has.",
    ),
    metric: str = typer.Option(
        None, metavar="NAME", help="top1, auc, mse or module:function, over --samples."
    ),
    json_output: bool = JSON_OPTION,
) -> None:
    """Check that every runtime computes the same.

    Replays golden inputs (or --samples) in the reference executor, LiteRT, ONNX Runtime and the
    emulated core, or with --device on a board, whole and layer by layer, and names the first layer
    that differs.
    """
    from edgetool.artifact import Artifact
    from edgetool.verification import verify_artifact

    opened = Artifact.open(artifact)
    with ProgressBar() as progress:
        verification = verify_artifact(
            opened,
            samples=samples,
            compiler=compiler,
            emulator=emulator,
            emulated_samples=emulated_samples,
            metric=metric,
            device=device_at(device, baud, timeout),
            runtime=runtime,
            progress=progress,
        )
    content = summary(verification)
    content |= {"artifact": str(opened.folder), "artifact_sha256": opened.sha256}
    save_result(opened, "verify.json", content)
    if json_output:
        print_json(content)
    else:
        _print(verification)
    if verification.problems:
        _fail(verification)


def summary(verification: Verification) -> dict[str, Any]:
    """What `verify --json` prints."""
    return {
        "schema_version": 1,
        "holds": not verification.problems,
        "runtimes": [_runtime(result) for result in verification.runtimes],
        "skipped": dict(verification.skipped),
    }


def _fail(verification: Verification) -> None:
    """Say which runtime does not hold; the result, JSON or not, is printed already."""
    from edgetool.errors import CheckError

    error = CheckError(
        "not every runtime computes what the reference computes",
        details=verification.problems,
        hints=("edgetool verify --json shows every layer",),
    )
    print_error(error, as_json=False)
    raise typer.Exit(error.exit_code)


def _runtime(result: RuntimeResult) -> dict[str, Any]:
    content: dict[str, Any] = {"name": result.name, "samples": result.samples}
    if result.outputs.lsb is not None:
        content["max_lsb"] = _figure(result.outputs.lsb, "LSB")
    if result.outputs.relative is not None:
        content["max_relative_error"] = _figure(result.outputs.relative, "1")
    content["bit_exact"] = result.outputs.exact
    content["decisions_equal"] = _figure(result.decisions_equal, "1")
    content["metric"] = {name: figure.to_json() for name, figure in result.metric.items()}
    lsb = {n: d.lsb for n, d in result.operators.items() if d.lsb is not None}
    relative = {n: d.relative for n, d in result.operators.items() if d.relative is not None}
    content["per_operator_max_lsb"] = {n: _figure(value, "LSB") for n, value in lsb.items()}
    if relative:
        errors = {n: _figure(value, "1") for n, value in relative.items()}
        content["per_operator_max_relative_error"] = errors
    if result.problem:
        content["problem"] = result.problem
    return content


def _figure(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "kind": "computed"}


def _print(verification: Verification) -> None:
    from edgetool.verification.differences import worst_of

    rows = []
    for result in verification.runtimes:
        metric = ", ".join(f"{n} {f.value:.4g}" for n, f in result.metric.items())
        rows.append(
            [
                result.name,
                str(result.samples),
                _show(result.outputs),
                _show(worst_of(result.operators)),
                f"{result.decisions_equal:.1%}",
                metric or "–",
                "no" if result.problem else "yes",
            ]
        )
    columns = [
        "runtime",
        "samples",
        "outputs",
        "worst operator",
        "same decisions",
        "metric",
        "holds",
    ]
    table(columns, rows)
    for name, why in verification.skipped.items():
        say(f"not run: {name}: {why}")


def _show(found: Difference) -> str:
    if found.exact:
        return "bit-exact"
    if found.lsb is not None:
        return f"{found.lsb} LSB"
    return f"{found.relative:.1e}" if found.relative is not None else "–"
