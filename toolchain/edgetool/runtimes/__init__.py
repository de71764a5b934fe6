"""How an artifact runs: one file (or package) a runtime, the same few calls everywhere."""
