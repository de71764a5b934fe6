"""Arduino: a library of format 1.5. Source: Arduino's "Library specification", rev. 2.2."""

from __future__ import annotations

from edgetool.exporters.c.examples import sketch
from edgetool.exporters.c.projects.description import VERSION, Library

# url must be there and is for whoever publishes the library. dot_a_linkage: of kernels that two
# models share, the linker takes one.
PROPERTIES = """name={title}
version={version}
author=edgetool
maintainer=edgetool
sentence={sentence}
paragraph=Call {name}_run with an input, an output and the working memory.
category=Data Processing
url=https://example.com/{name}
architectures=*
includes={name}.h
dot_a_linkage=true
"""


def files(library: Library) -> dict[str, str]:
    """library.properties, and the example as a sketch."""
    name = library.name
    # Names that begin with Arduino are for official libraries.
    title = f"edgetool_{name}" if name.lower().startswith("arduino") else name
    values = {"title": title, "name": name, "version": VERSION, "sentence": library.sentence}
    example = f"{name}_example"
    return {
        "library.properties": PROPERTIES.format_map(values),
        f"examples/{example}/{example}.ino": sketch(library.interface),
    }
