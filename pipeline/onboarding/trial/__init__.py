"""A dry run of a source: its files, its staging models and the rules of the warehouse, in memory."""
