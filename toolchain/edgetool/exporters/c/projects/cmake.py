"""CMake: a static library, and the example on demand."""

from __future__ import annotations

from edgetool.exporters.c.projects.description import EXACT_FLOATS, Library


def files(library: Library) -> dict[str, str]:
    """CMakeLists.txt."""
    name, macro = library.name, library.interface.macro
    sources = "\n  ".join(library.sources)
    text = f"""cmake_minimum_required(VERSION 3.13)
project({name} C)

add_library({name} STATIC
  {sources})
target_include_directories({name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}}/src)
set_target_properties({name} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON)
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options({name} PRIVATE {EXACT_FLOATS})
endif()
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  target_compile_options({name} PRIVATE -fno-unroll-loops) # kernels unroll where it pays
endif()

option({macro}_EXAMPLE "Build the example program" OFF)
if({macro}_EXAMPLE)
  add_executable({name}_example examples/main.c)
  target_link_libraries({name}_example PRIVATE {name})
endif()
"""
    return {"CMakeLists.txt": text}
