"""What a load ends with: its receipt, deletions, what is held."""
