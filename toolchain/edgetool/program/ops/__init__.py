"""The operators: one file each, found by file name.

A file defines `OPERATOR`, its Operator subclass, and `ONNX`, a mapping from ONNX operator type
to the function that lowers a node of it: `lower(site: edgetool.program.site.Site) -> None`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from edgetool.program.operator import Operator

if TYPE_CHECKING:
    from edgetool.program.site import Site

Rule = Callable[["Site"], None]


@cache
def operators() -> dict[str, type[Operator]]:
    """Every operator by its kind."""
    return {module.OPERATOR.kind: module.OPERATOR for module in _modules()}


@cache
def rules() -> dict[str, Rule]:
    """The lowering of every ONNX operator type that has one."""
    return {op_type: rule for module in _modules() for op_type, rule in module.ONNX.items()}


@cache
def _modules() -> tuple[Any, ...]:
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)
