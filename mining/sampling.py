"""Which customers a model learns from where there are too many: those whose ids have the smallest hashes.

So a sample depends on who there is, never on the order of rows; and a sample of a sample is one of everybody.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HASHES = 2.0**64


def hashes_of(ids: Iterable[str]) -> NDArray[np.uint64]:
    """Return a number of each id that is as good as drawn from all of 64 bits, and the same on any day."""
    texts = np.asarray(ids, dtype=object)
    return np.asarray(pd.util.hash_array(texts, categorize=False), dtype=np.uint64)


def is_within(ids: Iterable[str], share: float) -> NDArray[np.bool_]:
    """Mark ids of a share of all that there could be."""
    return hashes_of(ids).astype(np.float64) < share * HASHES


def smallest(ids: Iterable[str], most: int) -> NDArray[np.intp]:
    """Return the places of so many ids at most, ascending: of more, those with the smallest hashes."""
    hashes = hashes_of(ids)
    if len(hashes) <= most:
        return np.arange(len(hashes))
    return np.flatnonzero(hashes <= np.partition(hashes, most - 1)[most - 1])


def sampled(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return so many customers of a frame at most, in its order: see `smallest`. One row is one customer."""
    return frame if len(frame) <= most else frame.iloc[smallest(frame["customer_id"], most)]
