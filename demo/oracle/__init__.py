"""The Bayes oracle: the best forecast that anybody could make who knows a world's laws but sees only its history."""

from demo.oracle.oracle import Oracle, oracle
from demo.oracle.tables import counts_table, oracle_table, write_oracle

__all__ = ["Oracle", "counts_table", "oracle", "oracle_table", "write_oracle"]
