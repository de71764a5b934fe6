"""Every shipped pack keeps every rule, one small named test per pack and rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgetool.packs import (
    CYCLE_CLASSES,
    Profile,
    Recipe,
    Target,
    find_recipe,
    find_target,
    kernel_folders,
    list_profiles,
    list_recipes,
    list_targets,
)
from edgetool.packs.finding import built_in_root, read_table
from edgetool.packs.profile_checks import PROFILE_CHECKS
from edgetool.packs.recipe_checks import RECIPE_CHECKS
from edgetool.packs.target_checks import BUILT_IN_TARGET_CHECKS, TARGET_CHECKS

TARGETS = list_targets()
MICROCONTROLLERS = [target for target in TARGETS if target.core]
EXPECTED_TARGETS = {
    *("host", "rv32imc", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"),
    *("cortex-m55", "nucleo-l4r5zi", "nucleo-h7a3zi-q", "stm32f746g-disco", "nucleo-u575zi-q"),
    *("nrf5340-dk", "arduino-nano-33-ble", "raspberry-pi-pico", "raspberry-pi-pico-2"),
    *("raspberry-pi-zero-2w", "raspberry-pi-3", "raspberry-pi-4", "raspberry-pi-5"),
    *("jetson-nano", "jetson-xavier-nx", "jetson-orin-nano", "jetson-agx-orin"),
}


def name_of(value: Any) -> str:
    return str(getattr(value, "name", getattr(value, "__name__", value)))


def test_the_promised_targets_are_there() -> None:
    assert {target.name for target in TARGETS} >= EXPECTED_TARGETS


def test_the_promised_models_and_profiles_are_there() -> None:
    assert {"kws", "vww", "ic", "ad", "sww"} <= {recipe.name for recipe in list_recipes()}
    assert {"latency", "energy", "mlperf-tiny"} <= {profile.name for profile in list_profiles()}


@pytest.mark.parametrize("check", TARGET_CHECKS, ids=name_of)
@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_target_keeps(target: Target, check: Any) -> None:
    assert list(check(target)) == []


@pytest.mark.parametrize("check", BUILT_IN_TARGET_CHECKS, ids=name_of)
@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_target_file_keeps(target: Target, check: Any) -> None:
    table, sha256 = read_table(target.source.path)
    assert list(check(table)) == []
    assert sha256 == target.source.sha256


@pytest.mark.parametrize("check", RECIPE_CHECKS, ids=name_of)
@pytest.mark.parametrize("recipe", list_recipes(), ids=name_of)
def test_recipe_keeps(recipe: Recipe, check: Any) -> None:
    assert list(check(recipe)) == []


@pytest.mark.parametrize("check", PROFILE_CHECKS, ids=name_of)
@pytest.mark.parametrize("profile", list_profiles(), ids=name_of)
def test_profile_keeps(profile: Profile, check: Any) -> None:
    assert list(check(profile)) == []


@pytest.mark.parametrize("pack", [*TARGETS, *list_recipes(), *list_profiles()], ids=name_of)
def test_pack_is_built_in_and_becomes_json(pack: Target | Recipe | Profile) -> None:
    assert pack.source.origin == "built in"
    assert built_in_root() in pack.source.path.parents
    again = json.loads(json.dumps(pack.to_json(), allow_nan=False))
    assert again["name"] == pack.name
    assert None not in again.values()


@pytest.mark.parametrize("target", MICROCONTROLLERS, ids=name_of)
def test_microcontroller_finds_the_portable_kernels_last(target: Target) -> None:
    assert target.core is not None
    assert kernel_folders(target)[-1].parent.name == "portable"


@pytest.mark.parametrize("target", MICROCONTROLLERS, ids=name_of)
def test_arm_core_has_a_cycle_for_every_class_it_can_execute(target: Target) -> None:
    core = target.core
    assert core is not None
    if core.isa == "rv32imc":
        assert not core.cycles, "an instruction set has no timing: a board's core has"
        return
    absent = set(CYCLE_CLASSES) - set(core.cycles)
    assert absent == unexecuted_classes(core.isa, fpu=core.fpu, mve=core.mve)


def unexecuted_classes(isa: str, *, fpu: bool, mve: bool) -> set[str]:
    """Classes of instructions that the instruction set does not have."""
    absent = set() if mve else {"loop"} | {name for name in CYCLE_CLASSES if "mve" in name}
    if not fpu:
        absent |= {name for name in CYCLE_CLASSES if name.startswith("fpu")}
    if isa in {"armv6-m", "armv7-m"}:
        absent |= {"mac_dsp", "mac_dsp_long", "simd"}
    if isa == "armv6-m":
        absent |= {"mla", "mul_long", "mla_long", "saturate", "div"}
        absent |= {"load_double", "store_double"}
    return absent


@pytest.mark.parametrize("target", [t for t in MICROCONTROLLERS if t.parents], ids=name_of)
def test_board_says_its_ram_flash_and_clock(target: Target) -> None:
    assert target.ram_bytes and target.flash_bytes and target.clock_hz
    assert target.ram_bytes % 1024 == 0 and target.flash_bytes % 1024 == 0


@pytest.mark.parametrize("target", [t for t in MICROCONTROLLERS if not t.parents], ids=name_of)
def test_bare_core_has_no_limits_and_no_clock(target: Target) -> None:
    assert (target.ram_bytes, target.flash_bytes, target.clock_hz) == (None, None, None)


def test_board_carries_its_core_and_where_both_came_from() -> None:
    board, core = find_target("nucleo-l4r5zi"), find_target("cortex-m4")
    assert board.core == core.core
    assert [parent.sha256 for parent in board.parents] == [core.source.sha256]


def test_single_precision_m7_never_gets_double_precision_instructions() -> None:
    core = find_target("stm32f746g-disco").core
    assert core is not None and core.zig_cpu == "cortex_m7+fp_armv8d16sp"
    assert "-mfpu=fpv5-sp-d16" in core.gcc_flags


def test_jetson_nano_has_no_int8_and_says_so() -> None:
    nano = find_target("jetson-nano")
    assert "int8" not in nano.precisions and nano.default_precision == "float16"
    assert any("INT8" in note for note in nano.notes)
    assert nano.opset_max == 13


def test_mlperf_tiny_files_are_pinned_by_url_and_hash() -> None:
    kws = find_recipe("kws").files[0]
    assert kws.url and "1afd2c9820f795965a6134facd0b4dfae41ef23f" in kws.url
    assert kws.sha256.startswith("aeea4368")


def test_finding_packs_imports_neither_numpy_nor_onnx() -> None:
    import subprocess
    import sys

    source = Path(__file__).parents[2] / "toolchain"
    code = "import sys, edgetool.packs as p; p.list_targets(); import edgetool.models;"
    code += "sys.exit(any(name in sys.modules for name in ('numpy', 'onnx', 'typer')))"
    environment = {"PYTHONPATH": str(source)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
