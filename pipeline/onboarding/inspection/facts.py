"""What the rows of a table say: what is unique, what is negative, what is not a product."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.inspection.profile import Profile

NEARLY_ALL = 0.99
MOST_SPECIAL = 20
OTHER_WORDS = 1  # 'POSTAGE' and 'Adjust bad debt', but not 'Red delivery van'
# The type of a line that is not a product, by a word in its name; the first match counts.
LINE_TYPES = {
    "bad_debt": "bad debt|write off",
    "fee": "fee|bank charges?|card charges?|commission|gebühr",
    "shipping": "postage|shipping|delivery|carriage|freight|courier|porto|versand|livraison|envio",
    "discount": "discount|rabatt|rebate|remise|descuento",
    "adjustment": "manual|adjustment|adjust|correction|rounding|samples?|test product",
    "gift_card": "gift card|gift voucher|gutschein",
}


@dataclass(frozen=True)
class Mark:
    """What marks the rows that take a sale back: letters before the order's number, or a column that is filled.

    Attributes
    ----------
    condition
        SQL of the mark.
    words
        How messages say it.
    rows, exceptions
        Rows that have it, and those of them that are not negative.
    column
        The column that is filled; None for letters. `names_order`: its values are numbers of orders.
    is_of_order
        Whether such a row has the number of the order that it takes back.
    """

    condition: str
    words: str
    rows: int
    exceptions: int
    column: Profile | None = None
    names_order: bool = False
    is_of_order: bool = False


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[object, ...]:
    """The only row of a query."""
    return tuple(connection.execute(query).fetchall()[0])


def is_key(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[str], *, exact_repeats: bool = False
) -> bool:
    """Whether columns identify a row; with `exact_repeats`, rows that are equal in everything count as one."""
    names = ", ".join(quote_identifier(name) for name in columns)
    is_null = " or ".join(f"{quote_identifier(name)} is null" for name in columns)
    relation = f"(select distinct * from {rows})" if exact_repeats else rows
    repeated = f"(select 1 from {relation} group by {names} having count(*) > 1 limit 1)"
    query = (
        f"select (select count(*) from {rows} where {is_null}), (select count(*) from {repeated}), count(*) from {rows}"
    )
    nulls, repeats, total = ask(connection, query)
    return not nulls and not repeats and bool(total)


def exact_repeats(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    """How many rows are equal in everything to one before them."""
    (number,) = ask(
        connection, f"select (select count(*) from {rows}) - (select count(*) from (select distinct * from {rows}))"
    )
    return int(str(number))


def find_mark(
    connection: duckdb.DuckDBPyConnection, rows: str, order_id: Profile, profiles: Sequence[Profile], size: str
) -> Mark | None:
    """Return what marks the rows of negative `size` (SQL of quantity or amount), if anything does."""
    columns = [p for p in profiles if {"cancel", "refund"} & {*p.words} and not (p.is_full or p.is_empty or p.is_time)]
    marks = (_column_mark(connection, rows, order_id, column, size) for column in columns)
    return next(filter(None, marks), None) or _letter_mark(connection, rows, order_id, size)


def _column_mark(
    connection: duckdb.DuckDBPyConnection, rows: str, order_id: Profile, column: Profile, size: str
) -> Mark | None:
    filled = f"{sql.identifier(column.name)} is not null"
    query = f"select count(*) filter ({filled}), count(*) filter ({filled} and {size} >= 0) from {rows}"
    marked, exceptions = (int(str(value)) for value in ask(connection, query))
    if not marked or exceptions > marked * (1 - NEARLY_ALL):
        return None
    number = sql.identifier(order_id.name)
    known = f"{sql.identifier(column.name)} in (select {number} from {rows})"
    (names_order,) = ask(connection, f"select count(*) filter ({known}) * 2 >= count(*) from {rows} where {filled}")
    return Mark(filled, f"{column.name} is filled", marked, exceptions, column, bool(names_order))


def _letter_mark(connection: duckdb.DuckDBPyConnection, rows: str, order_id: Profile, size: str) -> Mark | None:
    if not order_id.is_text:
        return None
    letters = f"regexp_extract({sql.identifier(order_id.name)}, '^[A-Za-z]+')"
    query = f"select {letters}, count(*), count(*) filter ({size} >= 0) from {rows} group by all order by 2 desc"
    groups = connection.execute(query).fetchall()
    fitting = [
        (prefix, number, exceptions)
        for prefix, number, exceptions in groups
        if prefix and exceptions <= number * (1 - NEARLY_ALL) and number < sum(group[1] for group in groups) / 2
    ]
    if not fitting:
        return None
    prefix, number, exceptions = fitting[0]
    name = sql.identifier(order_id.name)
    return Mark(
        f"coalesce(regexp_extract({name}, '^[A-Za-z]+') = {quote_literal(prefix)}, false)",
        f"{order_id.name} begins with {prefix}",
        number,
        exceptions,
    )


def find_line_types(
    connection: duckdb.DuckDBPyConnection, rows: str, product_id: Profile, name: Profile
) -> dict[str, list[tuple[str, str]]]:
    """Return the products whose names say that they are not products: line type to (product, name) pairs."""
    identity = sql.identifier(product_id.name)
    query = (
        f"select cast({identity} as varchar), mode(trim(cast({sql.identifier(name.name)} as varchar))) from {rows} "
        f"where {identity} is not null and {sql.identifier(name.name)} is not null group by 1 order by 1"
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for identifier, called in connection.execute(query).fetchall():
        if kind := _line_type(str(called).lower()):
            found.setdefault(kind, []).append((identifier, called))
    return {kind: pairs for kind, pairs in found.items() if len(pairs) <= MOST_SPECIAL}


def _line_type(name: str) -> str | None:
    for kind, words in LINE_TYPES.items():
        rest, found = re.subn(rf"\b({words})\b", "", name)
        if found and len(rest.split()) <= OTHER_WORDS:
            return kind
    return None
