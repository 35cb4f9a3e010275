"""One customer of many records: links that rules cannot reach, scored by a model, and the clusters of all links."""
