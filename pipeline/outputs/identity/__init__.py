"""What people see of identity: why records are one customer, which pairs are in doubt, and the decisions about them."""

from pipeline.outputs.identity.decide import decide
from pipeline.outputs.identity.explain import explain
from pipeline.outputs.identity.review import pair, pairs_in_doubt

__all__ = ["decide", "explain", "pair", "pairs_in_doubt"]
