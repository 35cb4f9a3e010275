"""Amounts, shares and days of a campaign's file, read from what its author wrote."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

AMOUNT = re.compile(r"(?P<amount>[0-9]+(?:\.[0-9]+)?)(?:\s+(?P<currency>[A-Z]{3}))?")
PERCENT = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*%")
MOST_DIGITS = 4


@dataclass(frozen=True)
class Money:
    """An amount, exact. Without a currency it is in the reporting currency."""

    amount: Decimal
    currency: str | None = None


def money(value: Any) -> Any:
    """Read `1500`, `0.85` or `1500.00 EUR`.

    Raises
    ------
    ValueError
        It is no amount; the message says what to write.
    """
    if isinstance(value, Money):
        return value
    found = AMOUNT.fullmatch(str(value).strip()) if _is_written(value) else None
    if found is None:
        raise ValueError(f"'{value}' is no amount: write 1500 or 1500.00 EUR")
    amount = Decimal(found["amount"])
    if -int(amount.as_tuple().exponent) > MOST_DIGITS:
        raise ValueError(f"'{value}' has more than {MOST_DIGITS} digits after the point")
    return Money(amount, found["currency"])


def share(value: Any) -> Any:
    """Read `0.10` or `10 %`.

    Raises
    ------
    ValueError
        It is no share; the message says what to write.
    """
    percent = PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        read = Decimal(percent["number"]) / 100 if percent else Decimal(str(value))
        if not _is_written(value) or not 0 <= read <= 1:
            raise ValueError
    except (InvalidOperation, ValueError) as error:
        raise ValueError(f"'{value}' is no share: write 0.10 or 10 %") from error
    return read


def _is_written(value: Any) -> bool:
    return isinstance(value, int | float | str | Decimal) and not isinstance(value, bool)
