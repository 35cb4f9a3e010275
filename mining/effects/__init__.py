"""What campaigns changed, against their randomised control groups."""
