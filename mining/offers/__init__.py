"""What to offer a customer: items that are due again, and items that are new to the customer."""
