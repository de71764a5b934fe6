"""capstone, found when it is needed."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from edgetool.errors import MissingToolError


def load_capstone() -> Any:
    """The module. Raises: MissingToolError with the install line."""
    if importlib.util.find_spec("capstone") is None:
        raise MissingToolError(
            "cycles cannot be estimated: the capstone wheel is not installed",
            hints=["pip install 'edgetool[mcu]'"],
        )
    return importlib.import_module("capstone")
