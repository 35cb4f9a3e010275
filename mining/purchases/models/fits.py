"""What this process has fitted of purchases, kept by its content: value and churn ask for the same days.

A fit follows from what it reads alone, so the one that is kept is the one that would be made again.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, TypeVar

from numpy.typing import NDArray

from mining.purchases.history import History
from mining.purchases.models.base import PurchaseModel

KEPT = 256
"""Fits that are kept, the newest ones: more than a training makes. They are parameters, a few numbers each."""
Made = TypeVar("Made")
_made: OrderedDict[str, Any] = OrderedDict()


def once(what: str, read: Iterable[NDArray[Any]], make: Callable[[], Made]) -> Made:
    """Return what was made of equal columns before, or make it.

    Parameters
    ----------
    what
        Name of what is made, with whatever else it depends on.
    read
        All columns that it is made of.
    make
        Makes it; what it returns is read by everybody and changed by nobody.
    """
    key = _key(what, read)
    if key not in _made:
        _made[key] = make()
        if len(_made) > KEPT:
            _made.popitem(last=False)
    made: Made = _made[key]
    return made


def fit_once(model: PurchaseModel, history: History) -> PurchaseModel:
    """Fit a new model on histories, unless one like it has been fitted on them."""
    what = f"{model.name} {model.time_unit} {model.meaning}"
    return once(what, history, lambda: model.fit(*history))


def _key(what: str, read: Iterable[NDArray[Any]]) -> str:
    digest = sha256(what.encode())
    for column in read:
        values = column.astype(str) if column.dtype == object else column
        digest.update(f"\0{values.dtype} {len(values)}\0".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
