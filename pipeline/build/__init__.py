"""The build: what changed, dbt, the warehouse."""
