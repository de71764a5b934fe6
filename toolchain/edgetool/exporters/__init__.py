"""Exporters: a Graph or a Program to files that a runtime loads."""
