"""Kirin & Rose, a made-up retailer whose truth is known: `python -m demo`. Delete the folder with your own sources."""
