"""Broken model files from seeds: mutate(seed) is always the same file.

Most mutants keep their file's structure and break one thing inside it, so that they get past the
header and reach the code behind: see mutation_tflite.py and mutation_onnx.py. The rest are cut,
lengthened, flipped or spliced without looking.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import mutation_onnx
import mutation_tflite

FORMATS = {"tflite": mutation_tflite, "onnx": mutation_onnx}
BLIND_SHARE = 0.15


@dataclass(frozen=True)
class Mutant:
    """A file. seed and strategy say how it was made; format is the importer it is meant for."""

    seed: int
    format: str
    strategy: str
    data: bytes


def mutate(seed: int) -> Mutant:
    """The mutant of a seed: TFLite for even seeds, ONNX for odd ones."""
    rng = random.Random(seed)
    name = "onnx" if seed % 2 else "tflite"
    module = FORMATS[name]
    if rng.random() < BLIND_SHARE:
        strategy = rng.choice(sorted(BLIND))
        data = BLIND[strategy](rng, module.base(rng), module.base(rng))
    else:
        strategy, data = module.mutate(rng)
    return Mutant(seed, name, strategy, data)


def truncate(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def extend(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data + rng.randbytes(rng.choice([1, 7, 4096]))


def flip(rng: random.Random, data: bytes, other: bytes) -> bytes:
    broken = bytearray(data)
    for _ in range(rng.choice([1, 1, 3, 20])):
        broken[rng.randrange(len(broken))] = rng.choice(
            [0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)]
        )
    return bytes(broken)


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The head of one file and the tail of another."""
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def move(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A piece of the file written over another piece."""
    start, size = rng.randrange(len(data)), rng.choice([4, 16, 128])
    target = rng.randrange(len(data))
    piece = data[start : start + size]
    return data[:target] + piece + data[target + len(piece) :]


BLIND = {
    "truncate": truncate,
    "extend": extend,
    "flip": flip,
    "splice": splice,
    "move": move,
}
