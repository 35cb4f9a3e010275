"""Which records are one customer: links by rules, by people and by a model, and where they are cut."""
