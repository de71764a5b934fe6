"""Releases on devices: artifacts by content, sent once, switched in one step, rolled back."""
