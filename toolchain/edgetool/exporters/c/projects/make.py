"""Make: variables for another makefile, and a rule for lib<name>.a."""

from __future__ import annotations

from edgetool.exporters.c.projects.description import EXACT_FLOATS, Library


def files(library: Library) -> dict[str, str]:
    """<name>.mk."""
    name, macro = library.name, library.interface.macro
    sources = " \\\n  ".join(library.sources)
    text = f"""# Include this file, or run it: make -f {name}.mk
{macro}_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
{macro}_SOURCES := $(addprefix $({macro}_DIR), \\
  {sources})
{macro}_INCLUDES := -I$({macro}_DIR)src
{macro}_OBJECTS := $({macro}_SOURCES:.c=.o)

lib{name}.a: $({macro}_OBJECTS)
\t$(AR) rcs $@ $^

$({macro}_OBJECTS): %.o: %.c
\t$(CC) -std=c99 {library.optimize} {EXACT_FLOATS} $(CFLAGS) $({macro}_INCLUDES) -c $< -o $@
"""
    return {f"{name}.mk": text}
