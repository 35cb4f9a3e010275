"""`make diff`: what changed between two releases, and why, from the two release folders alone."""

from pipeline.diff.command import compare, main

__all__ = ["compare", "main"]
