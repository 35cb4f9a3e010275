"""Whom a campaign changed most: uplift learners on randomised campaigns, tested for order before a list is made."""
