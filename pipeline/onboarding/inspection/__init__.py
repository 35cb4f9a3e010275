"""The look at the files or the database of a new source."""
