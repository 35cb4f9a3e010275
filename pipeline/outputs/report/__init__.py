"""The report of a release: one HTML page with a chapter for each question, read from the published tables alone."""
