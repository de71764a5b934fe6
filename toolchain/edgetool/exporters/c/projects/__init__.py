"""What makes one copy of the sources a CMake, Make, Zephyr, Arduino and PlatformIO library.

The sources are in `src/`, which is all that a build needs on its include path; kernels are in
`src/kernels/` and include each other by their own folder. One file of this package is one build
system, and none of them copies a source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgetool.exporters.c.projects import arduino, cmake, make, platformio, zephyr
from edgetool.exporters.c.projects.description import COMPILER_FLAGS, Library
from edgetool.exporters.c.source import Interface

__all__ = ["COMPILER_FLAGS", "project_files"]


def project_files(interface: Interface, sources: Sequence[str], optimize: str) -> Mapping[str, str]:
    """Contents by path of every build system's files. sources: the .c files, from the folder."""
    library = Library(interface, tuple(sources), COMPILER_FLAGS[optimize])
    systems = (cmake, make, zephyr, arduino, platformio)
    return {path: text for system in systems for path, text in system.files(library).items()}
