"""Functions that the user names as `module:function`, for data and for metrics."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgetool.errors import UsageError

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_function_reference(text: str) -> bool:
    """Whether text has the form module:function."""
    return _REFERENCE.fullmatch(text) is not None


def find_function(reference: str) -> Callable[..., Any]:
    """The function behind `module:function`; the working directory is searched last.

    Raises: UsageError when the module cannot be imported or has no such function.
    """
    module_name, function_name = reference.split(":")
    try:
        with _working_directory_importable():
            module = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise UsageError(
            f"'{reference}': module '{module_name}' cannot be imported",
            details=(f"{type(error).__name__}: {error}", f"looked in: sys.path and {Path.cwd()}"),
            hints=("run edgetool from the folder that holds the module",),
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [name for name, thing in vars(module).items() if callable(thing)]
        raise UsageError(
            f"module '{module_name}' has no function '{function_name}'",
            details=(f"it has: {', '.join(known[:20]) or 'none'}",),
            hints=(f"{module_name}:FUNCTION",),
        )
    return function  # type: ignore[no-any-return]


def call_function(function: Callable[..., Any], reference: str, *arguments: Any) -> Any:
    """function(*arguments); UsageError with the exception it raised."""
    try:
        return function(*arguments)
    except Exception as error:  # a user's function may raise anything
        module, name = reference.split(":")
        raise UsageError(
            f"'{reference}' failed",
            details=(f"{type(error).__name__}: {error}",),
            hints=(f"call {name} in Python: from {module} import {name}",),
        ) from error


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    # Last, so that a folder named like an installed package does not shadow it.
    folder = str(Path.cwd())
    if folder in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
