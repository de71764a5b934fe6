"""Pages that unicorn meets for the first time within an IT block: its conditions stay right."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.compilers.build import build
from edgetool.compilers.firmware import Firmware
from edgetool.packs import find_target
from edgetool.packs.schema import CodeMemory
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


CROSSING = """
#include <stdint.h>

/* An IT block whose first `inside` instructions end a page; the others begin one that nothing
 * has fetched from. The result is 7 if `nonzero` is 0, else 1 + what p points at. */
#define CROSSING(name, inside) \\
    __attribute__((naked, noinline, aligned(1024))) \\
    static int name(int nonzero, const uint8_t *p) \\
    { \\
        __asm__ volatile( \\
            "b.w 1f\\n" \\
            ".space 1024 - 4 - 2 * (3 + " #inside ")\\n" \\
            "1: movs r2, #3\\n" \\
            "cmp r0, #0\\n" \\
            "itete ne\\n" \\
            "movne r2, #1\\n" \\
            "moveq r2, #2\\n" \\
            "ldrbne r3, [r1]\\n" /* the data's page is new, too */ \\
            "moveq r3, #5\\n" \\
            "adds r0, r2, r3\\n" \\
            "bx lr\\n"); \\
    }

CROSSING(zero_at_0, 0)
CROSSING(zero_at_1, 1)
CROSSING(zero_at_2, 2)
CROSSING(zero_at_3, 3)
CROSSING(one_at_0, 0)
CROSSING(one_at_1, 1)
CROSSING(one_at_2, 2)
CROSSING(one_at_3, 3)

static const uint8_t pages[8 * 1024] __attribute__((aligned(1024))) = {
    [4 * 1024] = 40, [5 * 1024] = 50, [6 * 1024] = 60, [7 * 1024] = 70};

int crossing_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    int one = input[0];
    output[0] = (int8_t)zero_at_0(one - 1, pages);
    output[1] = (int8_t)zero_at_1(one - 1, pages + 1024);
    output[2] = (int8_t)zero_at_2(one - 1, pages + 2048);
    output[3] = (int8_t)zero_at_3(one - 1, pages + 3072);
    output[4] = (int8_t)one_at_0(one, pages + 4096);
    output[5] = (int8_t)one_at_1(one, pages + 5120);
    output[6] = (int8_t)one_at_2(one, pages + 6144);
    output[7] = (int8_t)one_at_3(one, pages + 7168);
    return 0;
}
"""


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4"])
def test_first_touch_of_a_page_in_an_it_block_leaves_no_condition(
    core: str, tmp_path: Path
) -> None:
    assert eight_outputs("conditional", SOURCE, core, tmp_path) == b"\x07" * PAGES


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4", "cortex-m33"])
def test_an_it_block_that_goes_on_in_a_page_never_fetched_from_keeps_its_conditions(
    core: str, tmp_path: Path
) -> None:
    found = eight_outputs("crossing", CROSSING, core, tmp_path)
    assert list(found) == [7, 7, 7, 7, 41, 51, 61, 71]


def eight_outputs(name: str, source: str, core: str, folder: Path) -> bytes:
    """What NAME_run writes in unicorn, its input being 1, whether or not reads are counted."""
    require_module("ziglang", "pip install 'edgetool[mcu]'")
    require_module("unicorn", "pip install 'edgetool[mcu]'")
    path = folder / f"{name}.c"
    path.write_text(source)
    firmware = Firmware((path,), (folder,), name, (1,), (PAGES,), 16)
    described = find_target(core).core
    assert described is not None
    image = build(firmware, described, directory=folder / "build")
    plain = run(image, described, [[b"\x01"]], "unicorn")
    watched = run(image, described, [[b"\x01"]], "unicorn", code_memory=CodeMemory(5, 8))
    assert watched.outputs == plain.outputs and watched.instructions == plain.instructions
    return plain.outputs[0][0]
