"""Winning customers back: the chance of a return, what it would be worth, and until when."""
