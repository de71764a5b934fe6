"""Nearest-neighbour resizing of height and width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from edgetool.program.copying import element_bytes
from edgetool.program.layouts import channels_last
from edgetool.program.lookup import only_input, round_half_away_float
from edgetool.program.operator import Argument, Array, KernelCall, Operator, Step
from edgetool.program.overlap import ordered_lead, with_lead
from edgetool.program.tensor import Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site

MAX_DIM = int(np.iinfo(np.int16).max)  # source indices are stored as int16


@dataclass(frozen=True)
class ResizeNearest(Operator):
    """x (1, H, W, C) → (1, OH, OW, C): each pixel is the nearest input pixel.

    Source of the indices: LiteRT reference/resize_nearest_neighbor.h, computed in float32.
    """

    kind: ClassVar[str] = "resize_nearest"
    align_corners: bool = False
    half_pixel_centers: bool = False

    def execute(self, step: Step) -> Sequence[Array]:
        """The chosen pixels."""
        rows, columns = self.indices(step.tensor(0), step.output)
        return (step.value(0)[:, :, rows][:, :, :, columns],)

    def kernel(
        self, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> KernelCall | None:
        """resize_nearest with tables of source rows and columns."""
        x, out = only_input(inputs), outputs[0]
        rows, columns = self.indices(x, out)
        pixel = x.shape[3] * element_bytes(x)
        arguments = (
            Argument("parameters"),
            Argument("constant", name="rows"),
            Argument("constant", name="columns"),
            Argument("input", 0),
            Argument("output", 0),
        )
        call = KernelCall(
            "resize_nearest",
            arguments,
            {
                "out_height": out.shape[1],
                "out_width": out.shape[2],
                "in_row_bytes": x.shape[2] * pixel,
                "pixel_bytes": pixel,
            },
            {"rows": rows, "columns": columns},
        )
        first_read = rows[:, None].astype(np.int64) * x.shape[2] + columns
        return with_lead(call, ordered_lead(first_read.ravel() * pixel, pixel, 1))

    def indices(self, x: Tensor, out: Tensor) -> tuple[npt.NDArray[np.int16], ...]:
        """Source row of each output row, source column of each output column."""
        return tuple(self._nearest(x.shape[axis], out.shape[axis]) for axis in (1, 2))

    def _nearest(self, size: int, out_size: int) -> npt.NDArray[np.int16]:
        if self.align_corners and out_size > 1:
            scale = np.float32(size - 1) / np.float32(out_size - 1)
        else:
            scale = np.float32(size) / np.float32(out_size)
        offset = np.float32(0.5 if self.half_pixel_centers else 0.0)
        position = (np.arange(out_size, dtype=np.float32) + offset) * scale
        whole = round_half_away_float(position) if self.align_corners else np.floor(position)
        return np.clip(whole, 0, size - 1).astype(np.int16)


def lower(site: Site) -> None:
    """ONNX Resize (mode nearest) or Upsample; only height and width change."""
    shape, out = site.shape(0), site.output_shape()
    if site.attribute("mode", "nearest") != "nearest":
        raise site.unsupported(f"resizing by '{site.attribute('mode')}', nearest expected")
    if len(shape) != 4 or shape[:2] != out[:2] or max(*shape, *out) > MAX_DIM:
        raise site.unsupported(f"resizes {list(shape)} to {list(out)}, height and width expected")
    _require_exact_scales(site, shape[2:], out[2:])
    operator = _operator(site, shape[2:], out[2:])
    layout = channels_last(4)
    site.emit_moved(operator, [site.raw_input(0, layout)], [layout])


def _require_exact_scales(site: Site, before: Sequence[int], after: Sequence[int]) -> None:
    """Refuse scales that are not the quotient of the sizes: they pick other pixels."""
    index = 1 if site.node.op_type == "Upsample" else 2
    scales = site.constant(index).data.reshape(-1) if site.has(index) else np.zeros(0)
    quotients = np.array(after, np.float64) / np.array(before, np.float64)
    if scales.size and not np.allclose(scales[-2:], quotients, rtol=1e-6):
        raise site.unsupported(f"scales {scales.tolist()} do not divide the sizes")


def _operator(site: Site, before: Sequence[int], after: Sequence[int]) -> ResizeNearest:
    """The LiteRT form that picks the pixels ONNX picks."""
    wanted = [_onnx_indices(site, *sizes) for sizes in zip(before, after, strict=True)]
    for align, half in ((False, False), (False, True), (True, False)):
        operator = ResizeNearest(align, half)
        found = [operator._nearest(*sizes) for sizes in zip(before, after, strict=True)]
        if all(map(np.array_equal, wanted, found)):
            return operator
    raise site.unsupported(
        f"nearest_mode '{site.attribute('nearest_mode', 'round_prefer_floor')}' with"
        f" '{site.attribute('coordinate_transformation_mode', 'half_pixel')}' picks pixels that"
        " no TFLite form picks",
        "export it with coordinate_transformation_mode asymmetric and nearest_mode floor",
    )


def _onnx_indices(site: Site, size: int, out_size: int) -> npt.NDArray[np.int64]:
    """Source index of each output index. Source: ONNX Resize operator, version 13."""
    if site.node.op_type == "Upsample":
        mode, rounding = "asymmetric", "floor"
    else:
        mode = site.attribute("coordinate_transformation_mode", "half_pixel")
        rounding = site.attribute("nearest_mode", "round_prefer_floor")
    index = np.arange(out_size, dtype=np.float64)
    positions = {
        "asymmetric": index * size / out_size,
        "align_corners": index * (size - 1) / max(out_size - 1, 1),
        "half_pixel": (index + 0.5) * size / out_size - 0.5,
        "pytorch_half_pixel": (index + 0.5) * size / out_size - 0.5 if out_size > 1 else index * 0,
    }
    if mode not in positions:
        raise site.unsupported(f"coordinate_transformation_mode '{mode}'")
    position = positions[mode]
    rounded = {
        "floor": np.floor(position),
        "ceil": np.ceil(position),
        "round_prefer_floor": np.ceil(position - 0.5),
        "round_prefer_ceil": np.floor(position + 0.5),
    }[rounding]
    return np.clip(rounded, 0, size - 1).astype(np.int64)


OPERATOR = ResizeNearest
ONNX = {"Resize": lower, "Upsample": lower}
