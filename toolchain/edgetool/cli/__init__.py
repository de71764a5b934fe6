"""The command line: one file a verb, here only their list."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from edgetool import __version__
from edgetool.cli import (
    compare,
    compile,
    deploy,
    deployments,
    devices,
    doctor,
    evaluate,
    firmware,
    inspect,
    models,
    profile,
    report,
    targets,
    verify,
)
from edgetool.cli.terminal import (
    EXIT_USAGE,
    ends_tidily_when_terminated,
    refuse_command_line,
)

WIDEST_HELP = 100

app = typer.Typer(
    name="edgetool",
    help="From a trained model to a measured model on a small device.",
    epilog="`edgetool VERB --help` says more; every verb takes --json.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": WIDEST_HELP},
)


@app.callback(invoke_without_command=True)
def _no_verb(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        print(f"edgetool {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(EXIT_USAGE)


app.command("compile", epilog=compile.EXAMPLE)(compile.run)
app.command("evaluate", epilog=evaluate.EXAMPLE)(evaluate.run)
app.command("report", epilog=report.EXAMPLE)(report.run)
app.command("verify")(verify.run)
app.command("profile")(profile.run)
app.command("deploy", epilog=deploy.EXAMPLE)(deploy.run)
app.command("firmware", epilog=firmware.EXAMPLE)(firmware.run)
app.command("compare")(compare.run)
app.command("inspect")(inspect.run)
app.add_typer(targets.app, name="targets")
app.add_typer(devices.app, name="devices")
app.add_typer(deployments.app, name="deployments")
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.run)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `edgetool` command. Ends with SystemExit, whose code is the verb's."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with ends_tidily_when_terminated():
            code = app(words, prog_name="edgetool", standalone_mode=False)
    except Exception as error:
        # What typer raises for a command line that it cannot read has no base that it exports.
        if not hasattr(error, "format_message"):
            raise
        code = refuse_command_line(error.format_message(), words)
    sys.exit(code or 0)
