"""Customer lifetime value without a contract: what a customer's purchases are worth."""
