"""Give freed memory back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def return_freed_memory() -> None:
    """Collect garbage, as graphs are full of cycles; what glibc keeps of freed arrays goes back.

    Once a large array was freed, glibc takes the next ones (up to 32 MiB each) from its heap,
    which it does not shrink while anything behind them lives: 30 MiB for a model of 14 MB.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
