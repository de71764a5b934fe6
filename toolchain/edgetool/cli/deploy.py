"""edgetool deploy: an artifact onto devices, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.printing import table
from edgetool.cli.progress import ProgressBar
from edgetool.cli.terminal import (
    ARTIFACT_ARGUMENT,
    JSON_OPTION,
    error_json,
    print_error,
    print_json,
    say,
    verb,
)

if TYPE_CHECKING:
    from edgetool.deployment.deploy import Deployed
    from edgetool.deployment.many import Outcome
    from edgetool.devices import Device

EXAMPLE = "Example: edgetool deploy build/kws-raspberry-pi-5 --device pi5-kitchen"


@verb
def run(
    artifact: Path = ARTIFACT_ARGUMENT,
    device: list[str] = typer.Option(
        [], metavar="NAME", help="An enrolled device; again for more, all at once."
    ),
    devices_with_target: str = typer.Option(
        None, metavar="TARGET", help="Every device that is enrolled with this target."
    ),
    name: str = typer.Option(
        None, metavar="RELEASE", help="What it is called there; default: the artifact's folder."
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Say what would be sent, and whether it can be; send nothing."
    ),
    json_output: bool = JSON_OPTION,
) -> None:
    """Deploy an artifact to devices over SSH.

    Sends the files that a device lacks, checks each by sha256 there, and switches the release in
    one step: an old release stays current until the new one is whole, and can be rolled back to.
    """
    from edgetool.artifact import Artifact
    from edgetool.deployment.deploy import Deployment
    from edgetool.deployment.many import deploy_to_all

    chosen = _devices(device, devices_with_target)
    deployment = Deployment.prepare(Artifact.open(artifact), name, dry_run=dry_run)
    with ProgressBar() as progress:
        outcomes = deploy_to_all(deployment, chosen, progress)
    if deployment.signed.why_not:
        say(f"note: the release is not signed: {deployment.signed.why_not}")
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if len(outcomes) == 1 and failed and failed[0].error is not None:
        raise failed[0].error
    if json_output:
        print_json(
            {
                "schema_version": 1,
                "artifact": str(artifact),
                "artifact_sha256": deployment.release.artifact_sha256,
                "release": deployment.name,
                "dry_run": dry_run,
                "holds": not failed,
                "devices": [_json(outcome) for outcome in outcomes],
            }
        )
    else:
        _print([outcome.deployed for outcome in outcomes if outcome.deployed], dry_run)
    _fail(failed)


def _devices(names: Sequence[str], target: str | None) -> list[Device]:
    """The devices that were asked for, each once."""
    from edgetool.devices import find_device, list_devices
    from edgetool.errors import UsageError

    ports = [name for name in names if "/" in name or name.upper().startswith("COM")]
    if ports:
        raise UsageError(
            f"'{ports[0]}' is a serial port: firmware is flashed there, nothing is deployed",
            hints=("edgetool firmware ARTIFACT --flash", "--device NAME: see edgetool devices"),
        )
    found = {name: find_device(name) for name in names}
    if target is not None:
        found |= {each.name: each for each in list_devices() if each.target == target}
    if found:
        return list(found.values())
    if target is None:
        raise UsageError("no device is named", hints=("--device NAME", "edgetool devices"))
    raise UsageError(
        f"no device is enrolled with target '{target}'", hints=("edgetool devices shows each's",)
    )


def _json(outcome: Outcome) -> dict[str, Any]:
    if outcome.deployed is None:
        assert outcome.error is not None
        return {"device": outcome.device, "error": error_json(outcome.error)["error"]}
    done = outcome.deployed
    content: dict[str, Any] = {
        "device": outcome.device,
        "state": done.state,
        "checked_by": done.check,
        "release_bytes": _bytes(done.release_bytes, "computed"),
        "moved_bytes": _bytes(
            done.moved_bytes, "computed" if done.state == "dry-run" else "measured"
        ),
        "duration_s": {"value": done.seconds, "unit": "s", "kind": "measured"},
    }
    return content | ({"previous": done.previous} if done.previous else {})


def _bytes(count: int, kind: str) -> dict[str, Any]:
    return {"value": count, "unit": "B", "kind": kind}


def _print(deployed: Sequence[Deployed], dry_run: bool) -> None:
    from edgetool.deployment.answers import CHECKS

    if not deployed:
        return
    rows = [
        [
            done.device,
            done.release,
            done.state,
            f"{done.moved_bytes:,} of {done.release_bytes:,} B",
            f"{done.seconds:.1f} s",
            CHECKS[done.check],
        ]
        for done in deployed
    ]
    columns = ["device", "release", "state", "would move" if dry_run else "moved", "in"]
    table([*columns, "to be checked by" if dry_run else "checked by"], rows)


def _fail(failed: Sequence[Outcome]) -> None:
    """Say each device's error; the result is printed already."""
    errors = [outcome.error for outcome in failed if outcome.error is not None]
    for error in errors:
        print_error(error, as_json=False)
    if errors:
        raise typer.Exit(max(error.exit_code for error in errors))
