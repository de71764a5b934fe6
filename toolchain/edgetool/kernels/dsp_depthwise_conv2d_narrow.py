"""depthwise_conv2d with weights of 4 bits on cores with the DSP extension."""

from edgetool.kernels.dsp_depthwise_conv2d import call

__all__ = ["KINDS", "PACKED_WEIGHTS", "call"]

KINDS = ("depthwise_conv2d",)
PACKED_WEIGHTS = True
