"""Models of when a customer buys: estimators on a table of histories, without a contract."""
