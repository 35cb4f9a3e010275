"""Known exports: which columns they have, and what these mean."""
