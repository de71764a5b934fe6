"""One inference on an input of zeros: as a C program, and as an Arduino sketch."""

from __future__ import annotations

from edgetool.exporters.c.calls import c_type
from edgetool.exporters.c.source import Interface


def example(interface: Interface) -> str:
    """A program for any hosted C."""
    setup, call = _buffers(interface)
    return f"""/* One inference of {interface.name} on an input of zeros. */
#include <stdio.h>

#include "{interface.name}.h"

#define BUFFER_BYTES(count) ((count) > 0 ? (count) : 1)

static _Alignas({interface.macro}_ARENA_ALIGNMENT)
    uint8_t arena[BUFFER_BYTES({interface.macro}_ARENA_BYTES)];
{setup}

int main(void)
{{
    const int status = {interface.name}_run({call}, arena);
    if (status != EDGE_OK) {{
        fprintf(stderr, "{interface.name}_run returned %d\\n", status);
        return status;
    }}
{_prints(interface)}
    return 0;
}}
"""


def sketch(interface: Interface) -> str:
    """An Arduino sketch that says every two seconds what comes out, and how long it took."""
    setup, call = _buffers(interface)
    return f"""// One inference of {interface.name} on an input of zeros, timed, over and over.
#include <{interface.name}.h>

alignas({interface.macro}_ARENA_ALIGNMENT) static uint8_t
    arena[{interface.macro}_ARENA_BYTES > 0 ? {interface.macro}_ARENA_BYTES : 1];
{setup}

void setup() {{
  Serial.begin(115200);
}}

void loop() {{
  const unsigned long start = micros();
  const int status = {interface.name}_run({call}, arena);
  const unsigned long taken = micros() - start;
  Serial.print("status ");
  Serial.print(status);
  Serial.print(", microseconds ");
  Serial.println(taken);
{_serial_prints(interface)}
  delay(2000);
}}
"""


def _buffers(interface: Interface) -> tuple[str, str]:
    """(definitions of input and output buffers, the arguments that pass them)."""
    lines, groups = [], {"INPUT": list[str](), "OUTPUT": list[str]()}
    for macro, _, tensor in interface.ports():
        noun = macro.removeprefix(f"{interface.macro}_")
        lines.append(f"static {c_type(tensor)} {noun.lower()}[{macro}_ELEMENTS];")
        groups[noun.split("_")[0]].append(noun.lower())
    if interface.single_io:
        return "\n".join(lines), "input, output"
    lines.append(f"static const void *const inputs[] = {{{', '.join(groups['INPUT'])}}};")
    lines.append(f"static void *const outputs[] = {{{', '.join(groups['OUTPUT'])}}};")
    return "\n".join(lines), "inputs, outputs"


def _prints(interface: Interface) -> str:
    lines = []
    for macro, variable, tensor in interface.ports():
        noun = macro.removeprefix(f"{interface.macro}_").lower()
        if not variable.startswith("output"):
            continue
        specifier, cast = ("%g", "(double)") if tensor.dtype == "float32" else ("%ld", "(long)")
        lines.append(f"    for (int i = 0; i < {macro}_ELEMENTS; i++)")
        lines.append(f'        printf("{specifier}\\n", {cast}{noun}[i]);')
    return "\n".join(lines)


def _serial_prints(interface: Interface) -> str:
    lines = []
    for macro, variable, _ in interface.ports():
        noun = macro.removeprefix(f"{interface.macro}_").lower()
        if not variable.startswith("output"):
            continue
        lines.append(f"  for (int i = 0; i < {macro}_ELEMENTS; i++) {{")
        lines.append(f"    Serial.println({noun}[i]);")
        lines.append("  }")
    return "\n".join(lines)
