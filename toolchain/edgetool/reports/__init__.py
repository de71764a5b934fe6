"""Results as pages that anybody can open: one file, no script, nothing loaded from elsewhere."""
