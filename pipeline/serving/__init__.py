"""Releases: publish, keep, roll back, compare."""
