"""edgetool profile: what a compiled model costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetool.cli.printing import print_figures
from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import (
    ARTIFACT_ARGUMENT,
    COMPILER_OPTION,
    EMULATOR_OPTION,
    JSON_OPTION,
    print_json,
    save_result,
    say,
    verb,
)

if TYPE_CHECKING:
    from edgetool.artifact import Artifact
    from edgetool.profiling import Profiled


@verb
def run(
    artifact: Path = ARTIFACT_ARGUMENT,
    compiler: str = COMPILER_OPTION,
    emulator: str = EMULATOR_OPTION,
    json_output: bool = JSON_OPTION,
) -> None:
    """Say what an artifact costs to run.

    Instructions, stack and RAM are emulated, cycles and latency estimated from the core's timing
    table; on this machine's runtimes latency is measured. Each figure says which.
    """
    from edgetool.artifact import Artifact
    from edgetool.profiling import profile_artifact

    opened = Artifact.open(artifact)
    with ProgressBar() as progress:
        profiled = profile_artifact(opened, compiler=compiler, emulator=emulator, progress=progress)
    content = summary(profiled)
    content |= {"artifact": str(opened.folder), "artifact_sha256": opened.sha256}
    save_result(opened, "profile.json", content)
    if json_output:
        print_json(content)
    else:
        _print(opened, profiled)


def summary(profiled: Profiled) -> dict[str, Any]:
    """What `profile --json` prints."""
    content: dict[str, Any] = {"schema_version": 1}
    content |= {name: figure.to_json() for name, figure in profiled.figures.items()}
    if profiled.runtimes:
        content["runtimes"] = {
            runtime: {name: figure.to_json() for name, figure in figures.items()}
            for runtime, figures in profiled.runtimes.items()
        }
    if profiled.sections:
        content["sections"] = {name: size.to_json() for name, size in profiled.sections.items()}
    content["details"] = dict(profiled.details)
    content["notes"] = list(profiled.notes)
    return content


def _print(artifact: Artifact, profiled: Profiled) -> None:
    manifest = artifact.manifest
    target = manifest.target["name"]
    print(f"{artifact.folder.name}: {manifest.name} for {target}, {manifest.precision}")
    figures = dict(profiled.figures)
    for runtime, found in profiled.runtimes.items():
        figures |= {f"{runtime} {key}": figure for key, figure in found.items()}
    print_figures(figures)
    parts = [f"{name} {size.value:,}" for name, size in profiled.sections.items() if size.value]
    if parts:
        print(f"  bytes by section: {', '.join(parts)}")
    for note in profiled.notes:
        say(f"note: {note}")
