"""`perennial new-source`: the first draft of a source, from a look at its files or its database."""
