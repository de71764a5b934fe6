"""The lowered model: channels last, fixed shapes, typed, requantization explicit."""
