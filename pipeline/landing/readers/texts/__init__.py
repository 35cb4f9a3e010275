"""Readers of text files."""
