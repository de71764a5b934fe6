"""digits-cnn on every core, with both compilers and both emulators: the same bits everywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import needs
from command_line import CALIBRATION, MODEL, succeed

CORES = ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "rv32imc"]
QEMU_ARM = ("qemu-system-arm", "apt install qemu-system-arm")
GCC_ARM = ("arm-none-eabi-gcc", "apt install gcc-arm-none-eabi")


def verified(here: Path, target: str, *options: str, compiler: str = "clang") -> list[bool]:
    """Compile for a target, then build and verify: is the core exact, at outputs and layers?"""
    artifact = here / "digits"
    succeed("compile", MODEL, "--target", target, "--calibrate", CALIBRATION,
            "--compiler", "none", "--output", artifact)  # fmt: skip
    content = succeed("verify", artifact, "--compiler", compiler, "--json", *options).json
    names = ("cortex_m", "riscv")
    runs = [runtime for runtime in content["runtimes"] if runtime["name"] in names]
    layers = [figure["value"] for run in runs for figure in run["per_operator_max_lsb"].values()]
    return [run["bit_exact"] and run["samples"] >= 4 for run in runs] + [not any(layers)]


@pytest.fixture(autouse=True)
def tidy(here: Path) -> Iterator[None]:
    """Remove each artifact after its test."""
    yield
    shutil.rmtree(here)


@pytest.mark.parametrize("core", CORES)
def test_every_core_computes_the_reference_bit_for_bit(
    core: str, here: Path, emulator: None
) -> None:
    assert verified(here, core) == [True, True]


def test_helium_computes_the_reference_bit_for_bit_in_qemu(here: Path, clang: None) -> None:
    needs.require_tool(*QEMU_ARM)
    assert verified(here, "cortex-m55") == [True, True]


def test_gcc_and_qemu_compute_the_reference_bit_for_bit(here: Path) -> None:
    needs.require_tool(*QEMU_ARM)
    needs.require_tool(*GCC_ARM)
    assert verified(here, "cortex-m4", "--emulator", "qemu", compiler="gcc") == [True, True]


def test_another_compiler_than_the_artifacts_can_verify_and_profile_it(
    copied: Path, emulator: None
) -> None:
    needs.require_tool(*GCC_ARM)
    assert succeed("verify", copied, "--compiler", "gcc", "--json").json["holds"] is True
    content = succeed("profile", copied, "--compiler", "gcc", "--json").json
    assert content["details"]["compiler"].startswith("gcc ")
    assert content["flash_bytes"]["source"].startswith("linked by gcc ")


@pytest.mark.parametrize("target", ["cortex-m4", "rv32imc"])
def test_both_emulators_count_the_same_instructions(
    target: str, here: Path, emulator: None
) -> None:
    name, install = ("qemu-system-riscv32", "apt install qemu-system-misc")
    needs.require_tool(*(QEMU_ARM if target == "cortex-m4" else (name, install)))
    artifact = here / "digits"
    succeed("compile", MODEL, "--target", target, "--calibrate", CALIBRATION,
            "--compiler", "none", "--output", artifact)  # fmt: skip
    counts = [
        succeed("profile", artifact, "--emulator", which, "--json").json["instructions"]
        for which in ("unicorn", "qemu")
    ]
    assert counts[0]["value"] == counts[1]["value"]
    assert [count["source"].split()[0] for count in counts] == ["unicorn", "qemu"]
