"""edgetool doctor: what this machine can do."""

from __future__ import annotations

from edgetool.cli.printing import table
from edgetool.cli.terminal import JSON_OPTION, print_json, verb


@verb
def run(json_output: bool = JSON_OPTION) -> None:
    """Say what this machine can do, and how to get the rest."""
    from edgetool.doctor import about, examine

    findings = examine()
    if json_output:
        content = [finding.to_json() for finding in findings]
        print_json({"schema_version": 1, "about": about(), "abilities": content})
        return
    for key, value in about().items():
        print(f"{key:<12} {value}")
    rows = [
        [f.ability, "yes" if f.found else "no", f.found or f"{f.needs}: {f.install}"]
        for f in findings
    ]
    print()
    table(["can", "ready", "with, or how"], rows)
