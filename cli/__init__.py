"""What a person types: the `perennial` command."""
