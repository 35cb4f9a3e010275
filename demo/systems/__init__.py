"""The systems of the company: each makes its tables from the lives, in its own way and with its own errors."""
