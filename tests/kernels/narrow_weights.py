"""Layers whose weights are made 4 bits wide."""

from __future__ import annotations

from dataclasses import replace

import ml_dtypes

from edgetool.program.program import Program


def with_narrow_weights(program: Program) -> Program:
    """The program with each constant "weights" as int4: its integers divided by 16."""
    tensors = dict(program.tensors)
    for name, tensor in program.tensors.items():
        if name.endswith("weights") and tensor.data is not None:
            data = (tensor.data >> 4).astype(ml_dtypes.int4)
            tensors[name] = replace(tensor, data=data, dtype="int4")
    return replace(program, tensors=tensors)
