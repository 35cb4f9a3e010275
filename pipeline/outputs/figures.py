"""Figures of a published release and their formats, shared by the summary and the picture."""

import datetime as dt
from decimal import Decimal

import duckdb

from pipeline.base.numbers import currency_digits

UNITS = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))
AS_OF = "(select max(as_of_date) from marts.release)"


def known_by(date: str) -> str:
    """Return a SQL condition: a row of a fact, dated by this column, was known on the as-of date."""
    return f"{date} <= {AS_OF} and known_date <= {AS_OF}"


def net_sales(release: duckdb.DuckDBPyConnection) -> Decimal:
    """Return net sales up to the as-of date, including those without a customer."""
    total: Decimal = release.execute(
        f"select coalesce(sum(net_sales), 0)::decimal(38, 4) from core.fct_order where {known_by('order_date')}"
    ).fetchall()[0][0]
    return total


def why_unscored(release: duckdb.DuckDBPyConnection, mart: str) -> str:
    """Return why a mart has no scores: the most frequent reason of customers with a purchase, as a sentence.

    Customers without a purchase have no score under any model, so their reason explains nothing.
    """
    reasons = release.execute(
        f"select unavailable_reason from marts.{mart} join marts.customer_360 using (customer_id)"
        " where purchases > 0 and unavailable_reason is not null group by all order by count(*) desc, 1 limit 1"
    ).fetchall()
    if not reasons:
        return "No customer has a purchase known by the as-of date."
    return sentence(reasons[0][0])


def sentence(clause: str) -> str:
    """Return a clause as a sentence, with a capital letter and one full stop."""
    return f"{clause[0].upper()}{clause[1:].removesuffix('.')}."


def number(value: int | Decimal | None) -> str:
    """1,234."""
    return "unknown" if value is None else f"{int(value):,}"


def day(date: dt.date | None) -> str:
    """ISO date."""
    return "?" if date is None else date.isoformat()


def short_money(value: float, currency: str) -> str:
    """Return an amount in three digits: 12.3 k. Below 100 it has all digits of its currency."""
    digits = currency_digits(currency)
    for limit, unit in UNITS:
        if abs(value) >= 0.9995 * limit:
            return f"{float(f'{value / limit:.3g}'):,g} {unit}"
    if abs(value) < 100 and value != round(value):
        return f"{round(value, digits) + 0.0:.{digits}f}"
    return f"{round(value):,}"


def percent(share: float) -> str:
    """Return a share in whole percent; 0 % and 100 % only where they are exact."""
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{share:.0%}"
