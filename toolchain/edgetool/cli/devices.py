"""edgetool devices: Linux boards, and this machine, by the names they are enrolled under."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.printing import print_wrapped, table
from edgetool.cli.terminal import JSON_OPTION, print_json, say, verb

if TYPE_CHECKING:
    from edgetool.devices import Device
    from edgetool.devices.check import Checked

EXAMPLE = "Example: edgetool devices add pi5-kitchen pi@pi5.example --target raspberry-pi-5"

app = typer.Typer(help="Enrol, check and list devices.", rich_markup_mode=None)

NAME_ARGUMENT = typer.Argument(..., metavar="NAME", help="An enrolled device: see `devices`.")


@app.callback(invoke_without_command=True)
@verb
def list_by_default(context: typer.Context, json_output: bool = JSON_OPTION) -> None:
    """Enrol, check and list devices; alone: list them."""
    if context.invoked_subcommand is None:
        _list(json_output)


@app.command("list")
@verb
def list_all(json_output: bool = JSON_OPTION) -> None:
    """List the devices that are enrolled."""
    _list(json_output)


@app.command("add", epilog=EXAMPLE)
@verb
def add(
    name: str = typer.Argument(..., metavar="NAME", help="What it is to be called."),
    login: str = typer.Argument(
        None, metavar="USER@HOST[:PORT]", help="Or a Host of ssh_config; none with --backend local."
    ),
    target: str = typer.Option(..., metavar="TARGET", help="What it is: see `edgetool targets`."),
    host_key: str = typer.Option(
        None, metavar="SHA256:…", help="The fingerprint that its key must have; for scripts."
    ),
    identity: Path = typer.Option(
        None, metavar="FILE", help="A private key; default: the agent's and the usual ones."
    ),
    backend: str = typer.Option(
        "paramiko", metavar="NAME", help="paramiko, openssh, or local: this machine."
    ),
    root: str = typer.Option(
        ".edgetool", metavar="DIR", help="Its folder there, absolute or below the user's home."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a device of this name."),
    json_output: bool = JSON_OPTION,
) -> None:
    """Enrol a device: pin its host key, log in once, let it trust this user's releases.

    Nothing is kept where one of it fails.
    """
    from edgetool.devices.device import backend_named
    from edgetool.devices.enrolment import Enrolment, enrol

    enrolment = Enrolment(
        name, target, login, host_key, identity, backend_named(backend), root, force
    )
    device = enrol(enrolment, _ask if sys.stdin.isatty() and not json_output else None)
    _trust_at_once(device)
    if json_output:
        print_json({"schema_version": 1, **device.to_json()})
        return
    print(f"enrolled {device.name}: {device.where}, {device.target}")
    say(f"next: edgetool devices check {device.name}")


@app.command("check")
@verb
def check(name: str = NAME_ARGUMENT, json_output: bool = JSON_OPTION) -> None:
    """Ask a device what it is: is what its target's description says true?"""
    from edgetool.devices import find_device
    from edgetool.devices.check import check_device

    device = find_device(name)
    checked = check_device(device)
    if json_output:
        print_json(_check_json(device, checked))
    else:
        _print_check(device, checked)
    if checked.untrue:
        _fail(device, checked)


@app.command("trust")
@verb
def trust(
    name: str = NAME_ARGUMENT,
    key: str = typer.Option(
        None, metavar="KEY", help="A public key, 'ssh-ed25519 AAAA…'; default: this user's own."
    ),
    revoke: bool = typer.Option(False, "--revoke", help="Trust it no longer."),
    json_output: bool = JSON_OPTION,
) -> None:
    """Let a device take releases that are signed with a key, or no longer."""
    from edgetool.deployment.answers import CHECKS
    from edgetool.deployment.manage import change_trust
    from edgetool.deployment.signing import public_key
    from edgetool.devices import find_device

    device = find_device(name)
    changed = key or public_key()
    trusted = change_trust(device, changed, revoke=revoke)
    if json_output:
        content: dict[str, Any] = {"device": name, "key": changed, "keys": list(trusted.keys)}
        print_json({"schema_version": 1, **content, "checked_by": trusted.check})
        return
    done = "does not trust" if revoke else "trusts"
    print(f"{name} {done} {changed}")
    print(f"  keys: {len(trusted.keys)}; releases are checked by {CHECKS[trusted.check]}")


@app.command("show")
@verb
def show(name: str = NAME_ARGUMENT, json_output: bool = JSON_OPTION) -> None:
    """Show what is known of a device, without asking it."""
    from edgetool.devices import find_device

    device = find_device(name)
    if json_output:
        print_json({"schema_version": 1, **device.to_json()})
        return
    _print(device)


@app.command("remove")
@verb
def remove(name: str = NAME_ARGUMENT, json_output: bool = JSON_OPTION) -> None:
    """Forget a device. What was deployed stays on it."""
    from edgetool.devices import remove_device

    path = remove_device(name)
    if json_output:
        print_json({"schema_version": 1, "device": name, "removed": str(path)})
        return
    print(f"removed {name}; what was deployed stays on it")


def _ask(where: str, fingerprint: str) -> bool:
    say(f"{where} shows the host key {fingerprint}")
    say("compare on the device: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
    return typer.confirm("is it this device?", err=True)


def _trust_at_once(device: Device) -> None:
    """Let a new device trust this user's key; where that fails the device is enrolled all the same,
    and checks what is deployed by sha256."""
    from edgetool.deployment.manage import change_trust
    from edgetool.deployment.signing import public_key
    from edgetool.errors import EdgetoolError

    try:
        change_trust(device, public_key())
    except EdgetoolError as error:
        say(f"note: releases will be checked by sha256 alone: {error.message}")
        say(f"  later: edgetool devices trust {device.name}")


def _check_json(device: Device, checked: Checked) -> dict[str, Any]:
    content: dict[str, Any] = {"schema_version": 1, "device": device.name, "target": device.target}
    content["holds"] = not checked.untrue
    content["facts"] = [
        {key: value for key, value in vars(judged).items() if value} for judged in checked.judged
    ]
    content["state"] = {name: text for name, text in checked.state if text}
    content |= {name: figure.to_json() for name, figure in checked.figures.items()}
    return content


def _print_check(device: Device, checked: Checked) -> None:
    from edgetool.figures import format_figure

    print(f"{device.name}: {device.where}, enrolled as {device.target}")
    rows = [[each.name, each.said, each.found or "–", each.verdict] for each in checked.judged]
    table(["fact", "the target says", "found", "verdict"], rows)
    print()
    for key, value in checked.state:
        if value:
            print_wrapped(f"  {key:<22} ", value)
    for name, figure in checked.figures.items():
        print(f"  {name:<22} {format_figure(figure)}")
    for note in checked.notes:
        say(f"note: {note}")


def _fail(device: Device, checked: Checked) -> None:
    """Say what is not true; the result is printed already."""
    from edgetool.cli.terminal import print_error
    from edgetool.errors import CheckError

    error = CheckError(
        f"'{device.name}' is not what '{device.target}' says",
        details=[f"{e.name}: the target says {e.said}, found {e.found}" for e in checked.untrue],
        hints=[f"{each.name}: {each.fix}" for each in checked.untrue],
    )
    print_error(error, as_json=False)
    raise typer.Exit(error.exit_code)


def _list(as_json: bool) -> None:
    from edgetool.devices import list_devices

    devices = list_devices()
    if as_json:
        print_json({"schema_version": 1, "devices": [device.to_json() for device in devices]})
        return
    if not devices:
        say("no device is enrolled: edgetool devices add NAME USER@HOST --target TARGET")
        return
    rows = [[device.name, device.where, device.target, device.backend] for device in devices]
    table(["device", "where", "target", "backend"], rows)


def _print(device: Device) -> None:
    from edgetool.devices import fingerprint

    print(f"{device.name}: {device.where}")
    facts = [("target", device.target), ("backend", device.backend), ("root", device.root)]
    facts += [("identity", device.identity)] if device.identity else []
    facts += [("host key", f"{k.split()[0]} {fingerprint(k)}") for k in device.host_keys]
    for key, value in facts:
        print_wrapped(f"  {key:<9} ", value)
