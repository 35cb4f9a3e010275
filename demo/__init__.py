"""Kirin & Rose, a made-up retailer whose truth is known: `perennial demo`. Delete the folder with your own sources."""
