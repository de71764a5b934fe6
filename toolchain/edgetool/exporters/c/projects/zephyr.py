"""Zephyr: a module. Source: Zephyr documentation, "Modules (External projects)"."""

from __future__ import annotations

from edgetool.exporters.c.projects.description import EXACT_FLOATS, Library

MODULE = """name: {name}
build:
  cmake: zephyr
  kconfig: zephyr/Kconfig
"""

KCONFIG = """config EDGETOOL_{macro}
\tbool "Neural network {name}"
\thelp
\t  {sentence}
\t  Include {name}.h and call {name}_run().

config EDGETOOL_{macro}_COMPILER_FLAGS
\tstring "Compiler flags of {name}"
\tdepends on EDGETOOL_{macro}
\tdefault "{optimize}"
\thelp
\t  They follow the application's own flags.
"""

CMAKE = """if(CONFIG_EDGETOOL_{macro})
  set({macro}_FOLDER ${{CMAKE_CURRENT_SOURCE_DIR}}/..)
  zephyr_include_directories(${{{macro}_FOLDER}}/src)
  zephyr_library_named({name})
  zephyr_library_sources(
    {sources})
  separate_arguments({macro}_FLAGS UNIX_COMMAND "${{CONFIG_EDGETOOL_{macro}_COMPILER_FLAGS}}")
  zephyr_library_compile_options(${{{macro}_FLAGS}} {exact})
endif()
"""


def files(library: Library) -> dict[str, str]:
    """The three files of a module, in zephyr/."""
    macro = library.interface.macro
    values = {
        "name": library.name,
        "macro": macro,
        "sentence": library.sentence,
        "optimize": library.optimize,
        "exact": EXACT_FLOATS,
        "sources": "\n    ".join(f"${{{macro}_FOLDER}}/{name}" for name in library.sources),
    }
    templates = {"module.yml": MODULE, "Kconfig": KCONFIG, "CMakeLists.txt": CMAKE}
    return {f"zephyr/{name}": text.format_map(values) for name, text in templates.items()}
