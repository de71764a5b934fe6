"""A model that writes outside its buffers, faults or never ends is stopped and named."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from firmware_models import core_named, emulators, firmware, image

from edgetool.compilers import Image
from edgetool.errors import DeviceError
from edgetool.runtimes.bare_metal import run

CORES = ("cortex-m4", "cortex-m0plus", "rv32imc")
BEHAVIOUR = (
    (1, "1 bytes behind output, which has 4 bytes"),
    (2, "3 bytes before arena, which has 64 bytes"),
    (3, "1 bytes behind input, which has 1 bytes"),
    (5, "write_nowhere"),
    (6, "trap"),
    (7, "returned -5"),
)


@pytest.fixture(scope="module", params=CORES)
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Image]:
    core = request.param
    what = firmware("misbehaving", (1,), (4,))
    return core, image(what, core, tmp_path_factory.mktemp(core))


@pytest.mark.parametrize(("behaviour", "message"), BEHAVIOUR)
def test_the_error_names_the_place(built: tuple[str, Image], behaviour: int, message: str) -> None:
    core, firmware_image = built
    for emulator in emulators(core):
        with pytest.raises(DeviceError, match=message) as caught:
            run(
                firmware_image,
                core_named(core),
                [(b"\0",), (bytes([behaviour]),)],
                emulator,
                timeout_s=30,
            )
        assert "inference: 1" in caught.value.details


def test_an_endless_loop_ends_by_itself(built: tuple[str, Image]) -> None:
    core, firmware_image = built
    for emulator in emulators(core):
        start = time.monotonic()
        with pytest.raises(DeviceError, match="did not finish within 2 s"):
            run(firmware_image, core_named(core), [(b"\4",)], emulator, timeout_s=2)
        assert time.monotonic() - start < 20


def test_a_stack_overflow_is_an_error(built: tuple[str, Image]) -> None:
    core, firmware_image = built
    for emulator in emulators(core):
        with pytest.raises(DeviceError, match="overflowed its stack of 262,144 bytes"):
            run(firmware_image, core_named(core), [(b"\x08",)], emulator, timeout_s=30)


def test_the_same_image_runs_well_on_harmless_input(built: tuple[str, Image]) -> None:
    core, firmware_image = built
    for emulator in emulators(core):
        done = run(firmware_image, core_named(core), [(b"\0",)], emulator, timeout_s=30)
        assert done.outputs[0][0][0] == 1


def test_an_unaligned_load_faults_on_an_m0plus(tmp_path: Path) -> None:
    source = tmp_path / "unaligned.c"
    source.write_text(
        "#include <stdint.h>\n"
        "int unaligned_run(const int8_t *input, int8_t *output, uint8_t *arena)\n"
        "{ *(volatile int8_t *)output = (int8_t)*(volatile int32_t *)(input + 1);"
        " (void)arena; return 0; }\n"
    )
    what = firmware("unaligned", (8,), (1,), source=source)
    bad = image(what, "cortex-m0plus", tmp_path / "m0")
    good = image(what, "cortex-m4", tmp_path / "m4")
    for emulator in emulators("cortex-m0plus"):
        with pytest.raises(DeviceError, match="unaligned_run"):
            run(bad, core_named("cortex-m0plus"), [(bytes(8),)], emulator, timeout_s=30)
        run(good, core_named("cortex-m4"), [(bytes(8),)], emulator, timeout_s=30)
