"""Landing: source tables in, immutable Parquet files with receipts out."""

from pipeline.landing.ends.hold import accept
from pipeline.landing.land import described, land_source, land_table, plan_source

__all__ = ["accept", "described", "land_source", "land_table", "plan_source"]
