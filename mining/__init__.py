"""Why: segments, lifetime value, churn and the effects of campaigns. Reads features, writes scores."""
