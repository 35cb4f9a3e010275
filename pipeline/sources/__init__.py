"""What a source is: its yml, checked."""
