"""The chance of no purchase within several horizons: the published one, and longer ones that never contradict it."""
