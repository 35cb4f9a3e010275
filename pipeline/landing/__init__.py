"""Landing: source tables in, immutable Parquet files with receipts out."""

from pipeline.landing.load import land_source, land_table, plan_source

__all__ = ["land_source", "land_table", "plan_source"]
