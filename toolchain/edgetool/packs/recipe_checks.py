"""Rules that model recipes keep; each check yields (key, sentence) per mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from edgetool.packs.checks import COMMON_CHECKS, Problem
from edgetool.packs.schema import Recipe, RecipeFile

LARGEST_MODEL_BYTES = 1 << 30
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
METRICS = ("top1", "auc", "mse")
LAYOUTS = ("NHWC", "NCHW", "NWC", "NCW", "NC")
ELEMENT_TYPES = ("float32", "int8", "uint8", "int16", "int32")
SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
BUILDER = re.compile(r"edgetool(\.[a-z_][a-z0-9_]*)+:[a-z_][a-z0-9_]*")


def check_recipe_gives_files(recipe: Recipe) -> Iterator[Problem]:
    """A recipe has files or makes them, or says why not."""
    if not (recipe.files or recipe.builder or recipe.unoffered):
        yield "files", "missing: name files or a builder"


def check_file_names_are_plain(recipe: Recipe) -> Iterator[Problem]:
    """A file is written under its name: no folders, nothing hidden, none twice."""
    names = [file.name for file in recipe.files]
    for index, name in enumerate(names):
        if not FILE_NAME.fullmatch(name):
            yield f"files[{index}].name", f"{name!r} is not a plain file name"
        if names.index(name) != index:
            yield f"files[{index}].name", f"{name!r} is there twice"


def check_sha256_is_hexadecimal(recipe: Recipe) -> Iterator[Problem]:
    """A file is what its hash says."""
    for index, file in enumerate(recipe.files):
        if not SHA256.fullmatch(file.sha256):
            yield f"files[{index}].sha256", "must be 64 small hexadecimal digits"


def check_urls_are_https(recipe: Recipe) -> Iterator[Problem]:
    """Downloads are encrypted, except from this very machine."""
    for index, url in _urls(recipe):
        parts = urlsplit(url)
        loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (parts.hostname and (parts.scheme == "https" or loopback)):
            yield f"files[{index}].url", f"{url!r} is not https"


def check_urls_are_pinned(recipe: Recipe) -> Iterator[Problem]:
    """A file from a Git host is named by commit, so that it stays what it was."""
    for index, url in _urls(recipe):
        parts = urlsplit(url)
        git_host = (parts.hostname or "").endswith(("github.com", "githubusercontent.com"))
        if git_host and not any(COMMIT.fullmatch(part) for part in parts.path.split("/")):
            yield f"files[{index}].url", "is not pinned to a commit (40 hexadecimal digits)"


def check_file_has_one_origin(recipe: Recipe) -> Iterator[Problem]:
    """A file is shipped or downloaded, not both."""
    for index, file in enumerate(recipe.files):
        if file.shipped and file.url is not None:
            yield f"files[{index}]", "is shipped and has a url: choose one"


def check_file_sizes(recipe: Recipe) -> Iterator[Problem]:
    """Sizes are positive and below the download limit."""
    for index, file in enumerate(recipe.files):
        if file.size_bytes is not None and not 0 < file.size_bytes <= LARGEST_MODEL_BYTES:
            yield f"files[{index}].size_bytes", f"is {file.size_bytes}, at most 1 GiB allowed"


def check_builder_is_ours(recipe: Recipe) -> Iterator[Problem]:
    """A recipe names code of the toolchain, never code of its own."""
    if recipe.builder is not None and not BUILDER.fullmatch(recipe.builder):
        yield "builder", f"{recipe.builder!r} is not of the form edgetool.module:function"


def check_metric_and_floor(recipe: Recipe) -> Iterator[Problem]:
    """Floors of top1 and auc are fractions."""
    if recipe.metric not in METRICS:
        yield "metric", f"{recipe.metric!r} is not one of {', '.join(METRICS)}"
    floor = recipe.accuracy_floor
    if floor is not None and not (0 <= floor <= 1 or (recipe.metric == "mse" and floor >= 0)):
        yield "accuracy_floor", f"is {floor}, must be a fraction between 0 and 1"


def check_input(recipe: Recipe) -> Iterator[Problem]:
    """The input has a shape of positive sizes, and a layout and type that are known."""
    model_input = recipe.input
    if not model_input.shape or min(model_input.shape) < 1:
        yield "input.shape", f"{list(model_input.shape)} must be positive sizes"
    if model_input.layout not in LAYOUTS:
        yield "input.layout", f"{model_input.layout!r} is not one of {', '.join(LAYOUTS)}"
    elif len(model_input.layout) != len(model_input.shape):
        yield (
            "input.layout",
            f"{model_input.layout!r} does not fit a {len(model_input.shape)}-D shape",
        )
    if model_input.dtype not in ELEMENT_TYPES:
        yield "input.dtype", f"{model_input.dtype!r} is not one of {', '.join(ELEMENT_TYPES)}"


RECIPE_CHECKS: Sequence[Callable[[Recipe], Iterable[Problem]]] = (
    *COMMON_CHECKS,
    check_recipe_gives_files,
    check_file_names_are_plain,
    check_sha256_is_hexadecimal,
    check_urls_are_https,
    check_urls_are_pinned,
    check_file_has_one_origin,
    check_file_sizes,
    check_builder_is_ours,
    check_metric_and_floor,
    check_input,
)


def _urls(recipe: Recipe) -> Iterator[tuple[int, str]]:
    files: Iterable[tuple[int, RecipeFile]] = enumerate(recipe.files)
    return ((index, file.url) for index, file in files if file.url is not None)
