"""What --budget asks for: limits of flash, RAM and latency, and of what may be lost to float."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgetool.errors import UsageError

SIZE = re.compile(r"(\d+)([KM]?)", re.ASCII)
NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
TIME = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s)", re.ASCII)
UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
EXAMPLES = (
    "--budget flash=200K       code and constants, in bytes or with K or M",
    "--budget ram=40K          the arena: the first layers run in strips where they must",
    "--budget latency=20ms     estimated for a board with a clock",
    "--budget sqnr=25dB        at least, at the model's outputs",
    "--budget accuracy=0.5     points of accuracy that may be lost, with --evaluate",
)


@dataclass(frozen=True)
class Budget:
    """Limits that all must hold, None for none.

    flash_bytes, ram_bytes, latency_s: at most.   sqnr_db: at least.
    accuracy: fraction that may be lost to float.
    """

    flash_bytes: int | None = None
    sqnr_db: float | None = None
    accuracy: float | None = None
    ram_bytes: int | None = None
    latency_s: float | None = None

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Budget:
        """Of --budget as often as it was given. Raises: UsageError for anything else."""
        found: dict[str, float] = {}
        for text in texts:
            name, _, value = text.partition("=")
            if name in found:
                raise UsageError(f"--budget {name} is given twice", hints=EXAMPLES)
            found[name] = _amount(text, name, value)
        flash, ram, lost = (found.get(name) for name in ("flash", "ram", "accuracy"))
        return cls(
            None if flash is None else int(flash),
            found.get("sqnr"),
            None if lost is None else lost / 100,
            None if ram is None else int(ram),
            found.get("latency"),
        )

    @property
    def wants_fewer_bits(self) -> bool:
        """Whether 4-bit weights can help, or are to be as many as the limits allow."""
        return not (self.flash_bytes is self.sqnr_db is self.accuracy is None)

    def __str__(self) -> str:
        parts = []
        if self.flash_bytes is not None:
            parts.append(f"flash={self.flash_bytes}")
        if self.ram_bytes is not None:
            parts.append(f"ram={self.ram_bytes}")
        if self.latency_s is not None:
            parts.append(f"latency={1e3 * self.latency_s:g}ms")
        if self.sqnr_db is not None:
            parts.append(f"sqnr={self.sqnr_db:g}dB")
        if self.accuracy is not None:
            parts.append(f"accuracy={100 * self.accuracy:g}")
        return ", ".join(parts)


def _amount(text: str, name: str, value: str) -> float:
    if name in ("flash", "ram") and (size := SIZE.fullmatch(value)) and int(size[1]):
        return int(size[1]) * UNITS[size[2]]
    if name == "latency" and (time := TIME.fullmatch(value)) and float(time[1]):
        return float(time[1]) * SECONDS[time[2]]
    plain = value.removesuffix("dB") if name == "sqnr" else value
    if name in ("sqnr", "accuracy") and NUMBER.fullmatch(plain):
        return float(plain)
    raise UsageError(f"--budget {text} is not known", hints=EXAMPLES)
