"""Names that are valid in C, in comments and in make, whatever the model's layers are called."""

from __future__ import annotations

import re

LONGEST = 48


def c_identifier(name: str) -> str:
    """name as a C identifier: "digits-cnn" becomes digits_cnn, "2net" becomes model_2net."""
    words = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:LONGEST].rstrip("_")
    if not words:
        return "model"
    return f"model_{words}" if words[0].isdigit() else words


def comment_text(name: str) -> str:
    """name for a C comment or a table: nothing in it can end the comment or continue a line."""
    return re.sub(r"[^A-Za-z0-9_.:/+\- ]|/(?=\*)|(?<=\*)/", "?", name)


class UniqueNames:
    """Identifiers of one file, made unique by a number."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """name, or name_2, name_3, … if it is taken."""
        unique, count = name, 1
        while unique in self._taken:
            count += 1
            unique = f"{name}_{count}"
        self._taken.add(unique)
        return unique
