"""Graphs whose nodes have names, columns and classes: named ones, GraphML, GEXF, and tables of edges and nodes."""

from .node_graph import NodeGraph
from .read import read_edges, read_graph
from .many import ManyGraphs, read_graphs

__all__ = ["ManyGraphs", "NodeGraph", "read_edges", "read_graph", "read_graphs"]
