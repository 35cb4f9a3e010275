"""The gate at the two borders, what lands and what is published. dbt tests own the inside."""
