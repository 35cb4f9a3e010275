"""Figures of a published release, and how they are written: what the summary and the picture have in common."""

import datetime as dt
from decimal import Decimal

import duckdb

UNITS = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))
AS_OF = "(select max(as_of_date) from marts.release)"


def known_by(date: str) -> str:
    """SQL condition: a row of a fact, dated by this column, was known on the as-of date. Facts hold more."""
    return f"{date} <= {AS_OF} and known_date <= {AS_OF}"


def net_sales(release: duckdb.DuckDBPyConnection) -> Decimal:
    """Net sales up to the as-of date, those without a customer included."""
    total: Decimal = release.execute(
        f"select coalesce(sum(net_sales), 0)::decimal(38, 4) from core.fct_order where {known_by('order_date')}"
    ).fetchall()[0][0]
    return total


def why_unscored(release: duckdb.DuckDBPyConnection, mart: str) -> str:
    """Why a mart of scores has none: the most frequent reason of the customers who have bought, as a sentence.

    Customers without a purchase have no score under any model, so their reason explains nothing.
    """
    reasons = release.execute(
        f"select unavailable_reason from marts.{mart} join marts.customer_360 using (customer_id)"
        " where orders > 0 and unavailable_reason is not null group by all order by count(*) desc, 1 limit 1"
    ).fetchall()
    if not reasons:
        return "No customer has a purchase known by the as-of date."
    return sentence(reasons[0][0])


def sentence(clause: str) -> str:
    """A clause as a sentence: a capital letter, and one full stop."""
    return f"{clause[0].upper()}{clause[1:].removesuffix('.')}."


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 customer, 1,234 customers."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


def number(value: int | Decimal | None) -> str:
    """1,234."""
    return "unknown" if value is None else f"{int(value):,}"


def money(value: Decimal | None) -> str:
    """1,234.50: to the cent."""
    return "unknown" if value is None else f"{value:,.2f}"


def day(date: dt.date | None) -> str:
    """ISO date."""
    return "?" if date is None else date.isoformat()


def short_money(value: float) -> str:
    """12.3 k: three digits. Below 100 the cents count."""
    for limit, unit in UNITS:
        if abs(value) >= 0.9995 * limit:
            return f"{float(f'{value / limit:.3g}'):,g} {unit}"
    if abs(value) < 100 and value != round(value):
        return f"{round(value, 2) + 0.0:.2f}"
    return f"{round(value):,}"


def percent(share: float) -> str:
    """A share in whole percent; neither none nor all where that would be wrong."""
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{share:.0%}"
