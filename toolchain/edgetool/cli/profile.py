"""edgetool profile: what a compiled model costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.terminal import JSON_OPTION, ProgressBar, print_json, say, verb

if TYPE_CHECKING:
    from edgetool.profiling import Profiled


@verb
def run(
    artifact: Path = typer.Argument(..., help="A folder written by `edgetool compile`."),
    compiler: str = typer.Option(None, help="clang or gcc; default: the one it was built with."),
    emulator: str = typer.Option(None, help="unicorn or qemu; default: what the core can use."),
    json_output: bool = JSON_OPTION,
) -> None:
    """Measure, emulate or estimate an artifact's cost, and say which is which."""
    from edgetool.artifact import Artifact
    from edgetool.profiling import profile_artifact

    opened = Artifact.open(artifact)
    with ProgressBar() as progress:
        profiled = profile_artifact(opened, compiler=compiler, emulator=emulator, progress=progress)
    content = summary(profiled)
    content |= {"artifact": str(opened.folder), "artifact_sha256": opened.sha256}
    opened.save_result("profile.json", content)
    if json_output:
        print_json(content)
    else:
        _print(opened.folder.name, profiled)


def summary(profiled: Profiled) -> dict[str, Any]:
    """What `profile --json` prints."""
    content: dict[str, Any] = {"schema_version": 1}
    content |= {name: figure.to_json() for name, figure in profiled.figures.items()}
    if profiled.runtimes:
        content["runtimes"] = {
            runtime: {name: figure.to_json() for name, figure in figures.items()}
            for runtime, figures in profiled.runtimes.items()
        }
    content["details"] = dict(profiled.details)
    content["notes"] = list(profiled.notes)
    return content


def _print(name: str, profiled: Profiled) -> None:
    from edgetool.figures import format_figure

    print(name)
    for key, figure in profiled.figures.items():
        source = f" ({figure.source})" if figure.source else ""
        print(f"  {key:<18} {format_figure(figure):>14}  {figure.kind}{source}")
    for runtime, figures in profiled.runtimes.items():
        for key, figure in figures.items():
            print(f"  {runtime:<12} {key:<20} {format_figure(figure):>12}  {figure.kind}")
    sections = profiled.details.get("sections", {})
    if sections:
        parts = ", ".join(f"{part} {size:,}" for part, size in sections.items() if size)
        print(f"  flash by section: {parts} bytes")
    for note in profiled.notes:
        say(f"note: {note}")
