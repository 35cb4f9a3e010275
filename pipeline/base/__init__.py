"""The ground: settings, files, locks, DuckDB, errors. It imports no other room."""
