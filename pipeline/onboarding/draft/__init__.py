"""The draft of a source: what is guessed, and the files that are written."""
