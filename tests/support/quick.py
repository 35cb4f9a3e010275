"""Set by a test that looks at the tables of a build: dbt leaves out its own tests, which others run on these models."""

TABLES_ONLY = {"DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test"}
