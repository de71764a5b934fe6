"""The README of a firmware folder: how to build it, run it and put it into a vendor's project."""

from __future__ import annotations

from edgetool.compilers.ports import VENDORS, Port


def board_readme(name: str, port: Port | str, mlperf_tiny: str | None) -> str:
    """name: C prefix of the model.   port: the name of one of VENDORS for a vendor's project.

    mlperf_tiny: what MLPerf Tiny's runner calls the model, None: edgetool's own protocol.
    """
    prefix = "edge_mlperf" if mlperf_tiny else "edge_firmware"
    return f"""# Firmware for {name}

{_answers(mlperf_tiny)}

{_built(port) if isinstance(port, Port) else _added(port, prefix)}
| where | what |
|---|---|
| `src/model/` | the artifact's C, unchanged |
| `src/edge_model.c` | buffers, and what the firmware says of the model |
| `src/{name}_observed.c` | a second `{name}_run` that tells layers apart |
| `src/edge_*.c` | serial protocol, counters, painted stack and arena |
| `src/edge_board.h` | what a port implements |

No heap, no interrupt, no C library beyond `memcpy` and `memset`. The model is called on the
caller's stack: leave 4 KiB and some hundred bytes for it (`EDGE_STACK_PAINTED_BYTES`).
"""


def _answers(mlperf_tiny: str | None) -> str:
    if mlperf_tiny:
        return (
            f"Runs the model on a board and answers MLPerf Tiny's runner as {mlperf_tiny},\n"
            "in performance mode (115200 baud, 8N1)."
        )
    return (
        "Runs the model on a board and answers `edgetool profile ARTIFACT --device PORT` and\n"
        "`edgetool verify ARTIFACT --device PORT` over a serial line (115200 baud, 8N1)."
    )


def _built(port: Port) -> str:
    lines = [
        f"Built for {port.name}: `firmware.elf`, linked by `firmware.ld`; start-up code is",
        f"`src/start_arm.c`, the port `src/{port.source}.c`.",
        "",
    ]
    if port.tried:
        lines += [f"Where this port has run: {port.tried}.", ""]
    if port.qemu_machine:
        lines += [
            "```",
            f"qemu-system-arm -M {port.qemu_machine} -kernel firmware.elf -serial pty \\",
            "  -display none -monitor none -icount shift=8",
            "```",
            "",
            "QEMU prints the port's name (`/dev/pts/N`). What it counts are instructions, and they",
            "are called emulated.",
            "",
        ]
    return "\n".join(lines)


def _added(port: str, prefix: str) -> str:
    """How it goes into a vendor's project. prefix: of the functions that run the firmware."""
    file = VENDORS[port]
    if port == "hooks":
        drive = f"fill in the four functions of `src/{file}`: `src/edge_board.h` says what they do"
    else:
        drive = (
            f"look through `src/{file}`, which no board has run yet: what it needs is on its top"
        )
    return f"""Add it to a project of your board's vendor (STM32CubeIDE, Pico SDK, Zephyr, Arduino):

1. compile every `.c` and `.cpp` file below `src/`; no include path is needed;
2. {drive};
3. call `{prefix}_main()` when clocks and UART are up: it does not return. Or call
   `{prefix}_start()` once and `{prefix}_poll()` in your own loop.
"""
