"""Readable, unique names for nodes."""

from __future__ import annotations

import onnx_ir as ir


def name_nodes(graph: ir.Graph) -> None:
    """Give every node a name of its own, keeping the given ones where they are readable.

    Converters from TFLite join the names of fused layers with ';': the last one, with one scope,
    is kept. A node without a name is called after its operator and position.
    """
    taken: set[str] = set()
    for index, node in enumerate(graph):
        wanted = _readable(node.name or "") or f"{node.op_type}_{index}"
        name, count = wanted, 1
        while name in taken:
            name, count = f"{wanted}_{count}", count + 1
        taken.add(name)
        node.name = name


def _readable(name: str) -> str:
    if ";" not in name:
        return name
    last = [piece for piece in name.split(";") if piece][-1:]
    return "/".join(last[0].split("/")[-2:]) if last else ""
