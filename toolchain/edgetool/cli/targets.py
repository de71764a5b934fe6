"""edgetool targets: the boards and cores that models are compiled for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from edgetool.cli.printing import print_wrapped, table
from edgetool.cli.terminal import JSON_OPTION, print_json, verb

if TYPE_CHECKING:
    from edgetool.packs import Target

app = typer.Typer(help="List and show targets.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
@verb
def list_all(context: typer.Context, json_output: bool = JSON_OPTION) -> None:
    """List the targets at hand."""
    if context.invoked_subcommand is not None:
        return
    from edgetool.packs import list_targets

    targets = list_targets()
    if json_output:
        print_json({"schema_version": 1, "targets": [target.to_json() for target in targets]})
        return
    table(
        ["target", "core", "RAM", "flash", "clock", "precisions", "runtimes"],
        [_row(target) for target in targets],
    )


@app.command("show")
@verb
def show(
    name: str = typer.Argument(
        ..., metavar="TARGET", help="A target's name, or a folder with a target.toml."
    ),
    json_output: bool = JSON_OPTION,
) -> None:
    """Show a target: every fact with its source."""
    from edgetool.packs import find_target

    target = find_target(name)
    if json_output:
        print_json({"schema_version": 1, **target.to_json()})
        return
    print(f"{target.name}: {target.description}")
    for key, value in _facts(target):
        print(f"  {key:<12} {value}")
        if key in target.facts:
            print_wrapped(f"  {'':<12} ", target.facts[key])
    for note in target.notes:
        print_wrapped("  note: ", note)
    print(f"  from {target.source.path} ({target.source.origin})")


def _row(target: Target) -> list[str]:
    return [
        target.name,
        target.core.name if target.core else (target.arch or "this machine"),
        _size(target.ram_bytes),
        _size(target.flash_bytes),
        f"{target.clock_hz / 1e6:.0f} MHz" if target.clock_hz else "–",
        " ".join(target.precisions),
        " ".join(target.runtimes),
    ]


def _size(count: int | None) -> str:
    """In the largest unit that leaves no fraction."""
    if count is None:
        return "–"
    for unit, prefix in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count and count % unit == 0:
            return f"{count // unit:,} {prefix}"
    return f"{count:,} B"


def _fact(key: str, value: Any) -> str:
    if key.endswith("_bytes"):
        return f"{_size(value)} ({value:,} bytes)"
    return f"{value / 1e6:g} MHz" if key == "clock_hz" else str(value)


def _facts(target: Target) -> list[tuple[str, str]]:
    content = target.to_json()
    shown = ("family", "arch", "ram_bytes", "flash_bytes", "clock_hz", "opset_max")
    facts = [(key, _fact(key, content[key])) for key in shown if key in content]
    if target.core:
        core = target.core
        has = [n for n, there in (("FPU", core.fpu), ("DSP", core.dsp), ("MVE", core.mve)) if there]
        facts.append(("core", f"{core.name} ({core.isa}{', ' if has else ''}{', '.join(has)})"))
    facts.append(("runtimes", ", ".join(target.runtimes)))
    facts.append(
        ("precisions", f"{', '.join(target.precisions)} (default {target.default_precision})")
    )
    facts += [("sensor", f"{s.meter}: {', '.join(s.rails) or s.covers}") for s in target.sensors]
    facts += [("power mode", mode.name) for mode in target.power_modes]
    return facts
