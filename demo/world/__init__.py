"""The laws of a world, and the lives that follow from them: what is true, before any system records it."""
