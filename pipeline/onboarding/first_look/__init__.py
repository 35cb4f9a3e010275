"""A first look at somebody's own files: one page, from the project's own models, and nothing is kept but the page."""
