"""What follows a complaint that was handled well, or badly, against customers who had none: weaker evidence."""
