"""Arms: who is held back, by a keyed hash that depends on nothing but the key, the campaign and the customer.

A customer is in the control group where the first digits of the hash are below a bound. Nothing is drawn and nothing
is stored, so an arm is the same in every release and however many others are chosen. A merged customer keeps the id of
its founding record, and with it the arm of that record; if the other record was in the other arm, its landed contacts
say so, and `marts.campaign_performance` counts the customer for neither.
"""

from datetime import date
from decimal import Decimal

from pipeline.base.duck import quote_literal

DIGITS = 8
UNIVERSAL = "universal"


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
