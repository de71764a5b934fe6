"""What --budget asks for: a limit of flash, or of what may be lost to float."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgetool.errors import UsageError

SIZE = re.compile(r"(\d+)([KM]?)", re.ASCII)
NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
EXAMPLES = (
    "--budget flash=200K       code and constants, in bytes or with K or M",
    "--budget sqnr=25dB        at least, at the model's outputs",
    "--budget accuracy=0.5     points of accuracy that may be lost, with --evaluate",
)
ELSEWHERE = {
    "ram": "--fit ram=40K   runs the first layers in strips; weights take no RAM",
    "latency": "--optimize speed, and edgetool profile: fewer bits of weights take no less time",
}


@dataclass(frozen=True)
class Budget:
    """Limits that all must hold, None for none.

    flash_bytes: at most.   sqnr_db: at least.   accuracy: fraction that may be lost to float.
    """

    flash_bytes: int | None = None
    sqnr_db: float | None = None
    accuracy: float | None = None

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Budget:
        """Of --budget as often as it was given. Raises: UsageError for anything else."""
        found: dict[str, float] = {}
        for text in texts:
            name, _, value = text.partition("=")
            if name in found:
                raise UsageError(f"--budget {name} is given twice", hints=EXAMPLES)
            found[name] = _amount(text, name, value)
        flash = found.get("flash")
        lost = found.get("accuracy")
        return cls(
            None if flash is None else int(flash),
            found.get("sqnr"),
            None if lost is None else lost / 100,
        )

    def __str__(self) -> str:
        parts = []
        if self.flash_bytes is not None:
            parts.append(f"flash={self.flash_bytes}")
        if self.sqnr_db is not None:
            parts.append(f"sqnr={self.sqnr_db:g}dB")
        if self.accuracy is not None:
            parts.append(f"accuracy={100 * self.accuracy:g}")
        return ", ".join(parts)


def _amount(text: str, name: str, value: str) -> float:
    if name in ELSEWHERE:
        raise UsageError(
            f"--budget {text}: bits of weights do not change {name}", hints=(ELSEWHERE[name],)
        )
    if name == "flash" and (size := SIZE.fullmatch(value)) and int(size[1]):
        return int(size[1]) * UNITS[size[2]]
    plain = value.removesuffix("dB") if name == "sqnr" else value
    if name in ("sqnr", "accuracy") and NUMBER.fullmatch(plain):
        return float(plain)
    raise UsageError(f"--budget {text} is not known", hints=EXAMPLES)
