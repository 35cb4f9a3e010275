"""What people read: lists, overview, summary, documentation, Superset."""
