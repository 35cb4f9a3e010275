"""Behavioural segments: groups of customers who buy at other times of the year, at other prices, or other amounts."""
