"""conv2d on cores with the DSP extension whose sums are too large for conv2d_dsp_s8.

Weights of two channels share a word only while their sums stay below 2**23. Layers of very many
taps keep them as int16 in flash instead, as they do at speed.
"""

from __future__ import annotations

from edgetool.kernels.dsp_conv2d_wide import KINDS, call

__all__ = ["KINDS", "OPTIMIZE", "call"]

OPTIMIZE = ("balanced",)
