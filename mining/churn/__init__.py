"""Who is about to stop buying, for customers without a contract: a probability for a declared horizon in days."""
