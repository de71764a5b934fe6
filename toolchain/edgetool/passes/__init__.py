"""Passes: Graph to Graph, one file each; the order stands in edgetool.pipeline.

A pass file defines `run(graph: Graph, context: PassContext) -> PassResult`.
"""

from edgetool.passes.contract import PassContext, PassResult, unchanged

__all__ = ["PassContext", "PassResult", "unchanged"]
