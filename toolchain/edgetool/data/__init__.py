"""Calibration and evaluation data: read, checked, and brought into a model's own types."""

from edgetool.data.dataset import Dataset, InputSpec, overlap_note
from edgetool.data.loading import load_data, split_slice

__all__ = ["Dataset", "InputSpec", "load_data", "overlap_note", "split_slice"]
