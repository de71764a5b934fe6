"""Post-training quantization: which values share a scale, their ranges, rounding, Q/DQ nodes."""
