"""A machine-learned challenger of the lifetime value model: gradient boosting on what is known on a day."""
