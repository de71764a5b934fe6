"""What this machine can do, and how to get what it cannot."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetool import __version__


@dataclass(frozen=True)
class Finding:
    """One ability.   found: version or place, None if absent.   install: the line that adds it."""

    ability: str
    needs: str
    found: str | None
    install: str

    def to_json(self) -> dict[str, str | bool]:
        """The finding with `ready`."""
        content: dict[str, str | bool] = {
            "ability": self.ability,
            "needs": self.needs,
            "ready": self.found is not None,
        }
        if self.found is None:
            content["install"] = self.install
        else:
            content["found"] = self.found
        return content


def examine() -> list[Finding]:
    """Every ability that depends on something that may be missing."""
    return [
        _package("compile, verify, compare", "onnxruntime", "pip install edgetool"),
        _package("check and time LiteRT", "ai_edge_litert", "pip install 'edgetool[litert]'"),
        _package("build C with clang", "ziglang", "pip install 'edgetool[mcu]'"),
        _package("emulate Cortex-M and RISC-V", "unicorn", "pip install 'edgetool[mcu]'"),
        _package("estimate cycles", "capstone", "pip install 'edgetool[mcu]'"),
        _package("read image folders", "PIL", "pip install 'edgetool[images]'"),
        _package("profile and verify on boards", "serial", "pip install 'edgetool[mcu]'"),
        _package("reach devices over SSH", "paramiko", "pip install 'edgetool[ssh]'"),
        _program("reach them as OpenSSH does", "ssh", "apt install openssh-client"),
        _program("build C with gcc", "arm-none-eabi-gcc", "apt install gcc-arm-none-eabi"),
        _program("emulate in QEMU, Cortex-M55", "qemu-system-arm", "apt install qemu-system-arm"),
        _program("emulate RISC-V in QEMU", "qemu-system-riscv32", "apt install qemu-system-misc"),
        _program("flash boards through pyocd", "pyocd", "pip install pyocd"),
        _program("flash boards through OpenOCD", "openocd", "apt install openocd"),
        _program("flash STM32 boards", "st-flash", "apt install stlink-tools"),
        _program("flash Raspberry Pi Pico", "picotool", "apt install picotool"),
        _mirror(),
    ]


def about() -> dict[str, str]:
    """The machine and the versions that a bug report needs."""
    return {
        "edgetool": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "executable": sys.executable,
    }


def _package(ability: str, module: str, install: str) -> Finding:
    found = None
    if importlib.util.find_spec(module) is not None:
        found = _version_of(module)
    return Finding(ability, module, found, install)


def _version_of(module: str) -> str:
    distributions = _distributions().get(module, [])
    if not distributions:
        return module
    return f"{distributions[0]} {importlib.metadata.version(distributions[0])}"


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    """Every installed package, read once: it takes a moment where many are installed."""
    return importlib.metadata.packages_distributions()


def _program(ability: str, name: str, install: str) -> Finding:
    path = shutil.which(name)
    return Finding(ability, name, path, install)


def _mirror() -> Finding:
    folder = os.environ.get("EDGETOOL_MIRROR")
    found = folder if folder and Path(folder).is_dir() else None
    return Finding("get models offline", "EDGETOOL_MIRROR", found, "export EDGETOOL_MIRROR=FOLDER")
