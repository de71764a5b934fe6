"""A load in an IT block that meets a page for the first time changes nothing behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.compilers.build import build
from edgetool.compilers.firmware import Firmware
from edgetool.packs import find_target
from edgetool.runtimes.bare_metal import run
from needs import require_module

PAGES = 8
SOURCE = """
#include <stdint.h>
static const uint8_t pages[8 * 1024] __attribute__((aligned(1024))) = {1};

__attribute__((naked, noinline)) static int seven(int wrong)
{
    __asm__ volatile("movs r0, #7\\n bx lr");
}

__attribute__((naked, noinline)) static int load_then_call(const uint8_t *p, int (*callee)(int))
{
    __asm__ volatile(
        "push {r4, lr}\\n"
        "cmp r0, #0\\n"
        "it ne\\n"
        "ldrbne r2, [r0]\\n" /* a page that nothing has touched yet */
        "movs r0, #99\\n"
        "cmp r0, r0\\n" /* now the condition does not hold */
        "blx r1\\n"
        "pop {r4, pc}\\n");
}

int conditional_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    for (int i = 0; i < 8; i++)
        output[i] = (int8_t)load_then_call(pages + 1024 * i + input[0], seven);
    return 0;
}
"""


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4"])
def test_first_touch_of_a_page_in_an_it_block_leaves_no_condition(
    core: str, tmp_path: Path
) -> None:
    require_module("ziglang", "pip install 'edgetool[mcu]'")
    require_module("unicorn", "pip install 'edgetool[mcu]'")
    source = tmp_path / "conditional.c"
    source.write_text(SOURCE)
    firmware = Firmware((source,), (tmp_path,), "conditional", (1,), (PAGES,), 16)
    described = find_target(core).core
    assert described is not None
    image = build(firmware, described, directory=tmp_path / "build")
    found = run(image, described, [[b"\x01"]], "unicorn")
    assert found.outputs[0] == (b"\x07" * PAGES,)
