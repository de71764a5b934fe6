"""Packs: targets, model recipes and measurement profiles, found as data and never run."""

from __future__ import annotations

from edgetool.packs.cycles import CYCLE_CLASSES
from edgetool.packs.schema import (
    PRECISIONS,
    RUNTIMES,
    Core,
    EnergyProtocol,
    ModelInput,
    PowerMode,
    Profile,
    Recipe,
    RecipeFile,
    Repeats,
    Sensor,
    Source,
    Statistics,
    Target,
    UnofferedFile,
    WarmUp,
)

__all__ = [
    "CYCLE_CLASSES",
    "PRECISIONS",
    "RUNTIMES",
    "Core",
    "EnergyProtocol",
    "ModelInput",
    "PowerMode",
    "Profile",
    "Recipe",
    "RecipeFile",
    "Repeats",
    "Sensor",
    "Source",
    "Statistics",
    "Target",
    "UnofferedFile",
    "WarmUp",
]
