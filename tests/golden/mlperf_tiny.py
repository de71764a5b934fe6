"""MLPerf Tiny's files by sha256 (models/kws/recipe.toml, models/ic/recipe.toml)."""

from __future__ import annotations

KWS_INT8 = "aeea436800704fce17b17292e4412630ad856e9d777c044c64ef748a880bd0ae"
KWS_FLOAT_ONNX = "7d3b1f2918bb63030e0f4d0475f554f81ab4d6c81b4c4648a9be19aed212572d"
KWS_FLOAT_TFLITE = "e5ab04af610ebec251c0fddfaeafe8557dd650a1cb93cba6627a8839d8ca9713"
KWS_DATA = "61f8a31c4a21f486d4940f3cce5a50e1f6b36e13bf3ef733602af5cff482039d"
IC_INT8 = "3c002613d1b2475eb51dd78dfb85a546c8ae658dee71cf6ade43b022fe205415"

KWS_FLOAT_TOP1 = 0.9125  # of the float model, on samples 200 to 999
