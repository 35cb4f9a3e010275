"""`perennial diff`: what changed between two releases, and why, from the two release folders alone."""

from pipeline.serving.diff.comparison import choose, compare, show

__all__ = ["choose", "compare", "show"]
