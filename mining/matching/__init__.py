"""What campaigns without a control group changed, against customers with the same past: weaker evidence."""
