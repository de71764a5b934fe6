"""The command line: one file a verb, here only their list."""

from __future__ import annotations

import typer

from edgetool import __version__
from edgetool.cli import (
    compare,
    compile,
    doctor,
    inspect,
    models,
    profile,
    targets,
    verify,
)

app = typer.Typer(
    name="edgetool",
    help="From a trained model to a measured model on a small device.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        print(f"edgetool {__version__}")
        raise typer.Exit


app.command("compile")(compile.run)
app.command("verify")(verify.run)
app.command("profile")(profile.run)
app.command("compare")(compare.run)
app.command("inspect")(inspect.run)
app.add_typer(targets.app, name="targets")
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.run)


def main() -> None:
    """Entry point of the `edgetool` command."""
    app()
