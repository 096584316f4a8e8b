"""An operation about when, not what: how a value is told apart from an equal one computed earlier."""

from __future__ import annotations

from ..declare import NO_GRADIENT, Op

# The value of x, not to be read before `event` is there. What is computed from it is not the same as what was computed
# from x before, to any pass that makes equal nodes one; no memory and no kernel is spent on it.
after = Op("after", 2, "barrier", lambda x, event: (x.shape, x.dtype), (lambda g, out, x, event: g, NO_GRADIENT))
