"""Arithmetic and memory of a call, counted without running it: `talweg.utils.costs.count_costs`."""

from ..tensor.costs import Costs, count_costs

__all__ = ["Costs", "count_costs"]
