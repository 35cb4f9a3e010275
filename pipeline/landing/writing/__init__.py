"""A load becomes files: its rows, its rejects, its personal columns and its receipt, whole or not at all."""
