"""Packs: targets, model recipes and measurement profiles, found as data and never run."""

from __future__ import annotations

import os
from pathlib import Path

from edgetool.packs import finding, loading
from edgetool.packs.cycles import CYCLE_CLASSES
from edgetool.packs.record import record_target, recorded_target
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
    "find_profile",
    "find_recipe",
    "find_target",
    "kernel_folders",
    "list_profiles",
    "list_recipes",
    "list_targets",
    "record_target",
    "recorded_target",
]


LONG_CODE_BYTES = 4096
"""What a cache has to keep for code of some KB to run without waiting."""


def find_target(name_or_path: str | os.PathLike[str]) -> Target:
    """The target of this name, or in this folder or TOML file.

    Raises: PackError where it was not found, with what is close, or every mistake in its file.
    """
    target: Target = loading.load(finding.TARGET, finding.find(finding.TARGET, name_or_path))
    return target


def find_recipe(name_or_path: str | os.PathLike[str]) -> Recipe:
    """The model recipe of this name, or in this folder or TOML file. Raises: as find_target."""
    recipe: Recipe = loading.load(finding.RECIPE, finding.find(finding.RECIPE, name_or_path))
    return recipe


def find_profile(name_or_path: str | os.PathLike[str]) -> Profile:
    """The measurement profile of this name, or in this TOML file. Raises: as find_target."""
    profile: Profile = loading.load(finding.PROFILE, finding.find(finding.PROFILE, name_or_path))
    return profile


def list_targets() -> list[Target]:
    """Every target that a name can reach, by name. Raises: PackError on the first broken file."""
    return [loading.load(finding.TARGET, found) for found in finding.find_all(finding.TARGET)]


def list_recipes() -> list[Recipe]:
    """Every model recipe that a name can reach, by name. Raises: as list_targets."""
    return [loading.load(finding.RECIPE, found) for found in finding.find_all(finding.RECIPE)]


def list_profiles() -> list[Profile]:
    """Every profile that a name can reach, by name. Raises: as list_targets."""
    return [loading.load(finding.PROFILE, found) for found in finding.find_all(finding.PROFILE)]


def kernel_folders(target: Target) -> tuple[Path, ...]:
    """The kernels/ folders of a microcontroller target, most specific first; those that exist.

    A name in core.kernels is looked for beside the target and its parents, then as packs are.
    kernels-straight/ beside one comes before it where code memory keeps long code.
    """
    if target.core is None:
        return ()
    beside = [source.path.parents[1] for source in (target.source, *target.parents)]
    by_name = [root.folder(finding.TARGET) for root in finding.roots()]
    kinds = ("kernels-straight", "kernels") if keeps_long_code(target) else ("kernels",)
    folders = []
    for name in target.core.kernels:
        for kind in kinds:
            candidates = (place / name / kind for place in [*beside, *by_name])
            folders += [folder for folder in candidates if folder.is_dir()][:1]
    return tuple(folders)


def keeps_long_code(target: Target) -> bool:
    """Whether loops of some KB run from code memory without waiting: on bare cores, and on boards
    whose cache is known to keep them. Other boards are taken to have a small cache."""
    if target.code_memory is None:
        return target.clock_hz is None
    return target.code_memory.instruction_cache_bytes >= LONG_CODE_BYTES
