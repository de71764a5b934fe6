"""edgetool models: known models and where their files come from."""

from __future__ import annotations

from pathlib import Path

import typer

from edgetool.cli.printing import table
from edgetool.cli.terminal import JSON_OPTION, print_json, say, verb

app = typer.Typer(help="List known models and get their files.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
@verb
def list_all(context: typer.Context, json_output: bool = JSON_OPTION) -> None:
    """List the known models."""
    if context.invoked_subcommand is not None:
        return
    from edgetool.packs import list_recipes

    recipes = list_recipes()
    if json_output:
        print_json({"schema_version": 1, "models": [recipe.to_json() for recipe in recipes]})
        return
    rows = [
        [
            recipe.name,
            "x".join(map(str, recipe.input.shape)),
            recipe.metric,
            f"{recipe.accuracy_floor:g}" if recipe.accuracy_floor is not None else "–",
            str(len(recipe.files)),
            recipe.description,
        ]
        for recipe in recipes
    ]
    table(["model", "input", "metric", "floor", "files", "what"], rows)


@app.command("get")
@verb
def get(
    name: str = typer.Argument(..., metavar="MODEL", help="A model's name: see `edgetool models`."),
    output: Path = typer.Option(
        None, metavar="FOLDER", help="Where the files go; default: ./<name>."
    ),
    json_output: bool = JSON_OPTION,
) -> None:
    """Get a model's files.

    From $EDGETOOL_MIRROR, the package, the cache, or the network; checked by sha256.
    """
    from edgetool.models import get_model

    paths = get_model(name, output or Path(name))
    if json_output:
        print_json({"schema_version": 1, "model": name, "files": [str(path) for path in paths]})
        return
    for path in paths:
        print(path)
    say(f"{len(paths)} files of {name}")
