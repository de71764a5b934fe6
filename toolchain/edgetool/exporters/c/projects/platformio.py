"""PlatformIO: a library. Source: PlatformIO documentation, "library.json"."""

from __future__ import annotations

import json

from edgetool.exporters.c.projects.description import EXACT_FLOATS, VERSION, Library


def files(library: Library) -> dict[str, str]:
    """library.json; flags of a library follow the project's own, so that these hold."""
    name = library.name
    content = {
        "name": name,
        "version": VERSION,
        "description": library.sentence,
        "keywords": ["neural network"],
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{name}.h",
        "build": {
            "srcDir": "src",
            "includeDir": "src",
            "flags": [library.optimize, EXACT_FLOATS],
            "libArchive": True,
        },
    }
    return {"library.json": json.dumps(content, indent=2) + "\n"}
