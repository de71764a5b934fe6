"""How a depthwise convolution is cut into blocks of outputs on cores with the DSP extension."""

from __future__ import annotations

from dataclasses import dataclass

from edgetool.program.accumulators import Layer
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D

BLOCKS = (4, 6)
LARGEST_BLOCK = 6
"""Sums that fit in registers beside two words, weights and addresses."""

LARGEST_REACH = 48
"""Columns that one block may read: code grows with it."""

PRODUCTS_UNROLLED = 160
PLANE_BYTES = 4096
"""Planes of 4 channels take more only where one output row needs more."""

GROUP, WORD_BYTES, WORD_COLUMNS = 4, 4, 2


@dataclass(frozen=True)
class Axis:
    """Height or width. steps: bytes between neighbours in the input and in the output."""

    in_size: int
    out_size: int
    kernel: int
    stride: int
    dilation: int
    pad: int
    steps: tuple[int, int]

    @property
    def covered(self) -> int:
        """What one window spans."""
        return (self.kernel - 1) * self.dilation + 1

    def reach(self, outputs: int) -> int:
        """What that many neighbouring windows span."""
        return (outputs - 1) * self.stride + self.covered


@dataclass(frozen=True)
class Geometry:
    """Rows and columns of planes, and the block: outputs of a row that are summed together.

    exchanged: whether rows are the image's width.
    """

    rows: Axis
    columns: Axis
    block: int
    exchanged: bool = False

    @property
    def margin(self) -> int:
        """Columns of zeros in front of the image: even, none where one block is a whole row."""
        return 0 if self.block == self.columns.out_size else self.columns.pad + self.columns.pad % 2

    @property
    def in_columns(self) -> int:
        """Columns of the image that any window reaches."""
        axis = self.columns
        return max(0, min(axis.in_size, axis.reach(axis.out_size) - axis.pad))

    @property
    def pitch(self) -> int:
        """Words of a row of a plane."""
        if self.margin == 0 and self.block == self.columns.out_size:
            return -(-self.in_columns // WORD_COLUMNS)
        last = self.columns.reach(self.columns.out_size) - self.columns.pad
        return -(-(max(last, self.in_columns) + self.margin) // WORD_COLUMNS)

    def products(self, outputs: int) -> int:
        """Multiply instructions of one kernel row for that many outputs."""
        axis = self.columns
        windows = (
            range(first, first + axis.covered, axis.dilation)
            for first in range(-axis.pad, outputs * axis.stride - axis.pad, axis.stride)
        )
        words = ({tap // WORD_COLUMNS for tap in taps if self._is_stored(tap)} for taps in windows)
        return sum(map(len, words))

    @property
    def instructions(self) -> int:
        """Estimate for one channel: what blocks take, and 2 for each element of a plane."""
        whole, rest = divmod(self.columns.out_size, self.block)
        one_row = whole * self._block_instructions(self.block)
        if rest:
            one_row += self._block_instructions(rest)
        return self.rows.out_size * one_row + 2 * self.rows.in_size * self.in_columns

    def _block_instructions(self, outputs: int) -> int:
        """Words and weights are loaded in pairs; an output takes 3 to finish, a block 9."""
        words = min(self.columns.reach(outputs) // WORD_COLUMNS + 1, self.pitch)
        loads = -(-words // 2) + -(-self.columns.kernel // 2)
        return self.rows.kernel * (self.products(outputs) + loads) + 3 * outputs + 9

    @property
    def unrolled_rows(self) -> int:
        """Kernel rows that the code repeats: all of them unless there are many."""
        return (
            self.rows.kernel
            if self.rows.kernel * self.products(self.block) <= PRODUCTS_UNROLLED
            else 1
        )

    def strip_rows(self) -> int:
        """Output rows that are made of what the planes hold at one time."""
        row_bytes = GROUP * WORD_BYTES * self.pitch
        fitting = PLANE_BYTES // max(row_bytes, 1)
        return next(
            (n for n in range(self.rows.out_size, 1, -1) if self.rows.reach(n) <= fitting), 1
        )

    def _is_stored(self, column: int) -> bool:
        return -self.margin <= column < WORD_COLUMNS * self.pitch - self.margin


def choose_geometry(operator: DepthwiseConv2D, layer: Layer) -> Geometry | None:
    """The cheapest of both orders of axes and all blocks, None where windows are too wide."""
    height, width = _axes(operator, layer)
    candidates = [
        Geometry(rows, columns, block, exchanged)
        for rows, columns, exchanged in ((height, width, False), (width, height, True))
        for block in _blocks(columns)
    ]
    able = [g for g in candidates if g.in_columns > 0 and g.columns.reach(g.block) <= LARGEST_REACH]
    return min(able, key=lambda geometry: geometry.instructions, default=None)


def _blocks(columns: Axis) -> list[int]:
    """A whole row where it is short; else blocks that begin with a word."""
    if columns.out_size <= LARGEST_BLOCK:
        return [columns.out_size]
    return list(BLOCKS)


def _axes(operator: DepthwiseConv2D, layer: Layer) -> tuple[Axis, Axis]:
    x, output = layer.x.shape, layer.output.shape
    steps = ((x[2] * x[3], output[2] * output[3]), (x[3], output[3]))
    height, width = (
        Axis(
            x[1 + axis],
            output[1 + axis],
            layer.weights.shape[1 + axis],
            operator.stride[axis],
            operator.dilation[axis],
            operator.padding[axis],
            steps[axis],
        )
        for axis in (0, 1)
    )
    return height, width
