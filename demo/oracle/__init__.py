"""The Bayes oracle: the best possible forecast from a world's laws and the observable history."""

from demo.oracle.oracle import Oracle, oracle
from demo.oracle.tables import counts_table, oracle_table, write_oracle

__all__ = ["Oracle", "counts_table", "oracle", "oracle_table", "write_oracle"]
