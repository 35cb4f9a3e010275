"""The Bayes oracle: the best forecast that anybody could make who knows a world's laws but sees only its history."""

from demo.oracle.oracle import Oracle, oracle

__all__ = ["Oracle", "oracle"]
