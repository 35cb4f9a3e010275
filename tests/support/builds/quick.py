"""What builds of tests leave out, by dbt's own environment variable. What is left out is tested once, elsewhere."""

# In a test that looks at the tables of a build: dbt's tests of the data run in many others.
TABLES_ONLY = {"DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test"}

# Files of tests that need no warehouse and no server, and take a few seconds each: `make check` runs them.
NAMES = """
attempt churn_profit clv_correctness clv_inputs command coverage docs facts
imports increment landing landing_messages layers lifecycle list_formulas lock make personal
quick readers_more readers_sqlite rfm scratch settings sound sources
state_files store summary text_files tiers truth workbooks yaml_file
"""
QUICK = frozenset(f"test_{name}.py" for name in NAMES.split())
