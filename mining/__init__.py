"""Why: segments, lifetime value and churn. Reads features, writes scores."""
