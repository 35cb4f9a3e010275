"""Named random streams: a draw added to one purpose never shifts another."""

from zlib import crc32

import numpy as np


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The generator of one purpose under one seed."""
    sequence = np.random.SeedSequence([seed, crc32(purpose.encode())])
    return np.random.Generator(np.random.Philox(sequence))
