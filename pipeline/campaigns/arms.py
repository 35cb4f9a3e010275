"""Arms: who is held back, by a keyed hash that depends on nothing but the key, the campaign and the customer.

A customer is in the control group where the first digits of the hash are below a bound. Nothing is drawn and nothing
is stored, so an arm is the same in every release and however many others are chosen. A merged customer keeps the id of
its founding record, and with it the arm of that record; if the other record was in the other arm, its landed contacts
say so, and `marts.campaign_performance` counts the customer for neither.

Strata have shares of their own. They are bounds of the same hash, so that another share moves nobody but those between
the two bounds. A share that the power calculation sizes follows from the campaign's file alone, for the same reason.
"""

import math
from datetime import date
from decimal import ROUND_UP, Decimal
from statistics import NormalDist

from pipeline.base.duck import quote_literal

DIGITS = 8
UNIVERSAL = "universal"
SIGNIFICANCE = 0.05
POWER = 0.8
QUANTILES = NormalDist().inv_cdf(1 - SIGNIFICANCE / 2) + NormalDist().inv_cdf(POWER)
SHARE_DIGITS = Decimal("0.0001")


def below(share: Decimal) -> str:
    """Return the bound, in `DIGITS` hexadecimal digits as SQL, below which that share of all hashes is.

    Parameters
    ----------
    share
        From 0 to below 1.
    """
    return quote_literal(f"{min(round(share * 16**DIGITS), 16**DIGITS - 1):0{DIGITS}x}")


def prefix(key: str, name: str) -> str:
    """Return what is hashed before the id of a customer or household, as SQL."""
    return quote_literal(f"{key}|{name}|")


def universal_control(key: str, share: Decimal, as_of: date) -> dict[str, str]:
    """Return prefix and bound of the universal control group of a year: whom no campaign contacts."""
    return {"prefix": prefix(key, f"{UNIVERSAL}|{as_of.year}"), "below": below(share)}


def share_needed(contacts: int, rate: float, effect: float) -> Decimal | None:
    """Return the share to hold back so that a test at 5 % finds an effect with a chance of 80 %.

    The equation of `mining.effects.power`, solved for the control group (Fleiss, Levin and Paik 2003, chapter 4).

    Parameters
    ----------
    contacts
        Customers in the treated arm.
    rate
        Share of the control group that buys, 0 to 1.
    effect
        By how much more the share of the treated arm is; `rate + effect` is cut at 1.

    Returns
    -------
    Decimal or None
        Of all who are chosen, rounded up to four digits; None where not even half of them are enough.
    """
    other = min(rate + effect, 1.0)
    variance = ((other - rate) / QUANTILES) ** 2 - other * (1 - other) / contacts
    if variance <= 0:
        return None
    held = max(1, math.ceil(rate * (1 - rate) / variance))
    if held > contacts:
        return None
    return (Decimal(held) / (held + contacts)).quantize(SHARE_DIGITS, ROUND_UP)


def customers_needed(share: float, rate: float, effect: float) -> int | None:
    """Return how many customers, both arms together, find an effect with a chance of 80 % when a share is held back.

    Parameters
    ----------
    share
        Of the customers, 0 to below 1.
    rate, effect
        See `share_needed`.

    Returns
    -------
    int or None
        None where nobody is held back, or nothing is to be found.
    """
    other = min(rate + effect, 1.0)
    if share <= 0 or other <= rate:
        return None
    variance = rate * (1 - rate) / share + other * (1 - other) / (1 - share)
    return math.ceil(variance * (QUANTILES / (other - rate)) ** 2)
