"""A model in edgetool's firmware on a board, spoken to over a serial line."""

from edgetool.runtimes.serial_board.board import Board, Room, SerialBoard, Usage, connect
from edgetool.runtimes.serial_board.identity import Counter, Identity

__all__ = ["Board", "Counter", "Identity", "Room", "SerialBoard", "Usage", "connect"]
