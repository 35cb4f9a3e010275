"""What people read: lists, report, summary, documentation, Superset."""
