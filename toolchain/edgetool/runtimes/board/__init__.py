"""Runtimes on a Linux device: what to run there, and what came of it."""

from edgetool.runtimes.board.board import Board, open_board
from edgetool.runtimes.board.model import (
    BoardInput,
    BoardModel,
    native_model,
    onnx_model,
    tflite_model,
)
from edgetool.runtimes.board.provide import NATIVE, Provided, provide_runtimes
from edgetool.runtimes.board.recording import Recording, Timing
from edgetool.runtimes.board.session import BoardSession

__all__ = [
    "NATIVE",
    "Board",
    "BoardInput",
    "BoardModel",
    "BoardSession",
    "Provided",
    "Recording",
    "Timing",
    "native_model",
    "onnx_model",
    "open_board",
    "provide_runtimes",
    "tflite_model",
]
