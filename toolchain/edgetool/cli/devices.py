"""edgetool devices: Linux boards, and this machine, by the names they are enrolled under."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from edgetool.cli.printing import print_wrapped, table
from edgetool.cli.terminal import JSON_OPTION, print_json, say, verb

if TYPE_CHECKING:
    from edgetool.devices import Device

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
