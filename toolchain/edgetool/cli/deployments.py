"""edgetool deployments: what is deployed on a device; go back; clean up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.printing import table
from edgetool.cli.terminal import JSON_OPTION, print_json, verb

if TYPE_CHECKING:
    from edgetool.deployment.answers import Listing, ReleaseState

SHOWN = 12  # of a sha256, for people
DEVICE = typer.Option(..., "--device", metavar="NAME", help="An enrolled device.")

app = typer.Typer(help="List, roll back and collect deployments.", rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """List, roll back and collect what is deployed on a device."""


@app.command("list")
@verb
def list_all(device: str = DEVICE, json_output: bool = JSON_OPTION) -> None:
    """List the releases on a device, and what its store holds."""
    from edgetool.deployment.manage import list_deployments
    from edgetool.devices import find_device

    listing = list_deployments(find_device(device))
    if json_output:
        print_json({"schema_version": 1, "device": device, **_json(listing)})
        return
    _print(listing)


@app.command("rollback")
@verb
def rollback(
    device: str = DEVICE,
    name: str = typer.Option(
        None, "--name", metavar="RELEASE", help="Which release; default: the only one."
    ),
    to: str = typer.Option(
        None, "--to", metavar="SHA256", help="An artifact of the store; default: the one before."
    ),
    json_output: bool = JSON_OPTION,
) -> None:
    """Make current what was before, in one step; once more, and it is undone."""
    from edgetool.deployment.answers import CHECKS
    from edgetool.deployment.manage import roll_back
    from edgetool.devices import find_device

    switched = roll_back(find_device(device), name, to)
    if json_output:
        content = {"schema_version": 1, "device": device, "artifact_sha256": switched.artifact}
        content |= {"previous": switched.previous} if switched.previous else {}
        print_json({**content, "checked_by": switched.check})
        return
    before = f" instead of {switched.previous[:SHOWN]}" if switched.previous else ""
    print(f"{device}: {switched.artifact[:SHOWN]} is current{before} ({CHECKS[switched.check]})")


@app.command("collect")
@verb
def collect(
    device: str = DEVICE,
    keep: int = typer.Option(
        1, min=0, metavar="N", help="Newest of each release that stay, besides those named below."
    ),
    json_output: bool = JSON_OPTION,
) -> None:
    """Remove artifacts that nothing needs from a device's store.

    What is current, what was current before and what a run uses stays.
    """
    from edgetool.deployment import manage
    from edgetool.devices import find_device

    collected = manage.collect(find_device(device), keep)
    freed = sum(each.size_bytes for each in collected.removed) + collected.swept_bytes
    if json_output:
        removed = [
            {"artifact_sha256": e.artifact, "bytes": _bytes(e.size_bytes)}
            for e in collected.removed
        ]
        content = {"device": device, "removed": removed, "freed_bytes": _bytes(freed)}
        print_json({"schema_version": 1, **content})
        return
    for each in collected.removed:
        print(f"removed {each.artifact[:SHOWN]} ({each.size_bytes:,} B)")
    print(f"{device}: {freed:,} B freed")


def _bytes(count: int) -> dict[str, Any]:
    return {"value": count, "unit": "B", "kind": "measured"}


def _json(listing: Listing) -> dict[str, Any]:
    return {
        "releases": [_release(state) for state in listing.releases],
        "store": [
            {"artifact_sha256": e.artifact, "bytes": _bytes(e.size_bytes), "in_use": e.in_use}
            for e in listing.store
        ],
        "keys": list(listing.keys),
    }


def _release(state: ReleaseState) -> dict[str, Any]:
    content: dict[str, Any] = {"release": state.name}
    content |= {"current": state.current} if state.current else {}
    content |= {"previous": state.previous} if state.previous else {}
    content["history"] = [
        {"do": event.do, "artifact_sha256": event.artifact, "by": event.by, "at": _time(event.at)}
        for event in state.history
    ]
    return content


def _print(listing: Listing) -> None:
    if not listing.releases:
        print("no release")
    else:
        rows = [_row(state) for state in listing.releases]
        table(["release", "current", "previous", "last changed", "by"], rows)
    if listing.store:
        print()
        pointed = {state.current for state in listing.releases}
        rows = [
            [e.artifact[:SHOWN], f"{e.size_bytes:,} B", _use(e.in_use, e.artifact in pointed)]
            for e in listing.store
        ]
        table(["in the store", "size", "use"], rows)


def _use(in_use: bool, current: bool) -> str:
    return (
        ", ".join(word for word, true in (("current", current), ("a run", in_use)) if true) or "–"
    )


def _row(state: ReleaseState) -> list[str]:
    last = state.history[-1] if state.history else None
    return [
        state.name,
        (state.current or "–")[:SHOWN],
        (state.previous or "–")[:SHOWN],
        _time(last.at) if last else "–",
        last.by if last else "–",
    ]


def _time(at: float) -> str:
    """On the device's clock, which may be wrong."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
