"""The warehouse on Spark: the session that dbt runs in, its tables as Parquet folders, and Python models."""
