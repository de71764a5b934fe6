"""Random IT blocks around loads and stores: unicorn computes what QEMU does.

unicorn 2.1 loses or keeps conditions where it translates or first touches a page within an IT
block; unicorn_process.py works around that. Long straight code crosses many pages, and pointers
jump about in memory that nothing has touched.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from edgetool.compilers.build import build
from edgetool.compilers.firmware import Firmware
from edgetool.packs import find_target
from edgetool.runtimes.bare_metal import run
from needs import require_module, require_tool

AREA = 32768
STEPS = 1200
INVERSE = {
    **{"eq": "ne", "cs": "cc", "mi": "pl", "vs": "vc", "hi": "ls", "ge": "lt", "gt": "le"},
    **{"ne": "eq", "cc": "cs", "pl": "mi", "vc": "vs", "ls": "hi", "lt": "ge", "le": "gt"},
}

SOURCE = """
#include <stdint.h>

/* r9 walks over the area at r10; results [8]: r0 .. r7 at the end. */
__attribute__((naked, noinline)) static void walk(uint8_t *area, uint32_t *results, uint32_t seed)
{
    __asm__ volatile(
        "push {r4-r11, lr}\\n"
        "push {r1}\\n"
        "mov r10, r0\\n"
        "mov r9, r0\\n"
        "mov r0, r2\\n"
        "add r1, r2, #77\\n"
        "eor r2, r2, #85\\n"
        "mov r3, #9\\n"
        "mov r4, #0\\n"
        "mvn r5, r0\\n"
        "mov r6, r1\\n"
        "mov r7, #1\\n"
        BODY
        "pop {r12}\\n"
        "stmia r12, {r0-r7}\\n"
        "pop {r4-r11, pc}\\n");
}

int conditions_run(const int8_t *input, int8_t *output, uint8_t *arena)
{
    uint32_t results[8];
    for (int i = 0; i < TOUCHED; i++) /* of pages that are entered already, none is again */
        ((uint32_t *)arena)[i] = 0;
    walk(arena, results, (uint32_t)input[0] * 2654435761u);
    for (int i = 0; i < 32; i++)
        output[i] = (int8_t)(results[i / 4] >> (8 * (i % 4)));
    return 0;
}
"""


def instruction(rng: random.Random, condition: str = "") -> str:
    """A load, a store or arithmetic on random registers."""
    kind = rng.random()
    a, b, c = (rng.randrange(8) for _ in range(3))
    offset = 4 * rng.randrange(200)
    if kind < 0.3:
        return f"ldr{rng.choice(['', 'b', 'h', 'sb', 'sh'])}{condition}.w r{a}, [r9, #{offset}]"
    if kind < 0.45:
        return f"str{rng.choice(['', 'b', 'h'])}{condition}.w r{a}, [r9, #{offset}]"
    if kind < 0.5:
        return f"ldmia{condition}.w r9, {{r{min(a, 6)}, r7}}"
    if kind < 0.6:
        return f"mov{condition} r{a}, #{rng.randrange(256)}"
    return f"{rng.choice(['add', 'sub', 'eor'])}{condition}.w r{a}, r{b}, r{c}"


def step(rng: random.Random) -> list[str]:
    """A jump of the pointer, a comparison, a branch, an IT block or a single instruction."""
    kind = rng.random()
    if kind < 0.25:
        return [f"movw r9, #{4 * rng.randrange((AREA - 1024) // 4)}", "add r9, r10"]
    if kind < 0.5:
        return [f"cmp r{rng.randrange(8)}, r{rng.randrange(8)}"]
    if kind < 0.6:
        return ["b 1f", "1:"]
    if kind < 0.9:
        condition = rng.choice(list(INVERSE))
        others = "".join(rng.choice("te") for _ in range(rng.randrange(4)))
        conditions = [condition if c == "t" else INVERSE[condition] for c in "t" + others]
        return [f"it{others} {condition}", *(instruction(rng, c) for c in conditions)]
    return [instruction(rng)]


@pytest.mark.parametrize("touched", [0, AREA // 4])
@pytest.mark.parametrize("seed", range(3))
def test_random_it_blocks_are_in_unicorn_what_they_are_in_qemu(
    seed: int, touched: int, tmp_path: Path
) -> None:
    require_module("ziglang", "pip install 'edgetool[mcu]'")
    require_module("unicorn", "pip install 'edgetool[mcu]'")
    require_tool("qemu-system-arm", "apt install qemu-system-arm")
    rng = random.Random(seed)
    lines = [line for _ in range(STEPS) for line in step(rng)]
    body = "\n".join(f'        "{line}\\n"' for line in lines)
    source = tmp_path / "conditions.c"
    source.write_text(SOURCE.replace("        BODY", body).replace("TOUCHED", str(touched)))
    core = find_target("cortex-m3").core
    assert core is not None
    firmware = Firmware((source,), (tmp_path,), "conditions", (1,), (32,), AREA)
    image = build(firmware, core, directory=tmp_path / "build")
    inputs = [[b"\x07"], [b"\x64"]]
    expected = run(image, core, inputs, "qemu", count_instructions=False).outputs
    for counted in (True, False):
        assert run(image, core, inputs, count_instructions=counted).outputs == expected
