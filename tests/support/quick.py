"""What builds of tests leave out, by dbt's own environment variable. What is left out is tested once, elsewhere."""

# In all tests (tests/conftest.py): unit tests run once, in tests/warehouse/test_complete_journey.py.
WITHOUT_UNIT_TESTS = {"DBT_EXCLUDE_RESOURCE_TYPES": "unit_test"}
# In a test that looks at the tables of a build: dbt's tests of the data run in many others.
TABLES_ONLY = {"DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test"}
