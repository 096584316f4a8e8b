"""Graphs whose nodes have names, columns and classes: named ones, GraphML, GEXF, and tables of edges and nodes."""

from .node_graph import NodeGraph
from .read import read_graph

__all__ = ["NodeGraph", "read_graph"]
