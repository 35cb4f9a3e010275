"""What the values of a column look like."""

from dataclasses import dataclass, field
from typing import Any

import duckdb

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.build.macros import macros
from pipeline.onboarding.draft.words import words_of

MOST = 0.9  # a column is what at least so many of its values are: exports have some bad ones
SAMPLE_ROWS = 100_000
NUMBER = "^[ ]*[-+]?([0-9]+([.][0-9]+)?|[.][0-9]+)[ ]*$"
COMMA_NUMBER = "^[ ]*[-+]?([0-9]+|[0-9]{1,3}([.][0-9]{3})+)(,[0-9]+)?[ ]*$"
DECIMAL_COMMA = ",[0-9]{1,2}[ ]*$|,[0-9]{4,}[ ]*$|[.][0-9]{3},"
THOUSANDS = "^[ ]*[-+]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?[ ]*$"
SYMBOLS = {"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "$": "USD"}
LARGE = "try_cast(value as double) >= 500"
EMAIL = "^[^@ ]+@[^@ ]+[.][^@ ]+$"
PHONE = "^[ ]*([+]|00?)[0-9][0-9 ()/.-]{6,}$"
ISO = "^[ ]*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
BOOLEANS = {"true", "false", "t", "f", "y", "n", "yes", "no", "0", "1", "ja", "nein"}
DATES: tuple[str, ...] = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%y",
    "%d/%m/%y",
    "%Y年%m月%d日",
)
DATES = (*DATES, "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%Y%m%d")
CLOCKS = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %I:%M %p",
    " %I:%M:%S %p",
    "T%H:%M:%S",
    "%H%M%S",
    " %H:%M:%S.%f",
    ", %H:%M",
    " %H:%M:%S %z",
    " %H时%M分%S秒",
)
FORMATS = tuple(date + clock for date in DATES for clock in CLOCKS)
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


@dataclass(frozen=True)
class Profile:
    """A column.

    Attributes
    ----------
    name, kind, words
        Its name, its DuckDB type, and its name in ideas.
    rows, filled, distinct
        Numbers of rows, of values, and of different values.
    is_number, is_whole, is_time, is_boolean, is_email, is_phone, is_long_text
        What most of its values are.
    has_comma, has_thousands, symbol
        How its numbers are written: 1.249,00; 1,249.00; with a currency's symbol.
    has_points_for_thousands
        Every number with a point has three digits after it, so nothing says what the point is.
    has_minus, is_large
        Whether some of its numbers are negative, and whether most are so large that amounts may be cents.
    formats
        strptime formats that fit its times equally well, the likeliest first. Empty: ISO, or no text.
    ends_in_zero
        Numbers of things that a float has spoilt: '13085.0'.
    example
        One of its values.
    """

    name: str
    kind: str
    rows: int
    filled: int
    distinct: int
    words: list[str] = field(default_factory=list)
    is_number: bool = False
    is_whole: bool = False
    is_time: bool = False
    is_boolean: bool = False
    is_email: bool = False
    is_phone: bool = False
    is_long_text: bool = False
    has_comma: bool = False
    has_thousands: bool = False
    has_points_for_thousands: bool = False
    has_minus: bool = False
    is_large: bool = False
    symbol: str | None = None
    formats: list[str] = field(default_factory=list)
    ends_in_zero: bool = False
    example: str = ""

    @property
    def is_text(self) -> bool:
        """Whether its values are text in the source."""
        return self.kind == "VARCHAR"

    @property
    def is_full(self) -> bool:
        """Whether every row has a value."""
        return self.filled == self.rows

    @property
    def is_empty(self) -> bool:
        """Whether no row has a value."""
        return self.filled == 0


def profile_table(connection: duckdb.DuckDBPyConnection, rows: str) -> list[Profile]:
    """Return the profiles of a table's columns."""
    described = connection.execute(f"describe {rows}").fetchall()
    return [_profile(connection, rows, name, kind) for name, kind, *_ in described]


def _profile(connection: duckdb.DuckDBPyConnection, rows: str, name: str, kind: str) -> Profile:
    column = quote_identifier(name)
    text = "nullif(trim(cast({} as varchar)), '')".format(column)  # noqa: UP032 - the braces of SQL stay apart
    counted = f"select count(*), count({text}), count(distinct {text}), coalesce(min({text}), '') from {rows}"
    total, filled, distinct, example = connection.execute(counted).fetchall()[0]
    base: dict[str, Any] = {
        "name": name,
        "rows": total,
        "filled": filled,
        "distinct": distinct,
        "words": words_of(name),
    }
    base["example"] = example[:40]
    connection.execute(
        f"create or replace temp table looked_at as select {text} as value from {rows} where {text} is not null "
        f"limit {SAMPLE_ROWS}"
    )
    if kind == "VARCHAR":
        return Profile(kind="VARCHAR", **base, **_text_traits(connection))
    is_float = kind in ("DOUBLE", "FLOAT")
    is_number = is_float or kind in NUMBERS or kind.startswith("DECIMAL")
    is_whole = is_number and _share(connection, "try_cast(value as double) = floor(try_cast(value as double))") == 1
    looks_like_day = is_whole and _share(connection, "regexp_matches(value, '^(19|20)[0-9]{6}$')") == 1
    is_time = kind == "DATE" or kind.startswith("TIMESTAMP")
    return Profile(
        kind=kind,
        **base,
        is_number=is_number,
        is_whole=is_whole,
        has_minus=is_number and _share(connection, "value like '-%'") > 0,
        is_large=is_number and _share(connection, LARGE) > 0.5,
        is_time=is_time or (looks_like_day and _fits(connection, "%Y%m%d")),
        is_boolean=kind == "BOOLEAN" or (is_whole and distinct <= 2 and _are_booleans(connection)),
        formats=["%Y%m%d"] if looks_like_day and not is_time else [],
        ends_in_zero=is_float and is_whole,
    )


def _text_traits(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    symbol = next((sign for sign in SYMBOLS if _share(connection, f"contains(value, '{sign}')") > 0.5), None)
    if symbol:
        connection.execute(f"update looked_at set value = trim(replace(value, '{symbol}', ''))")
    as_text = macros("values")["plain_number"]("value")
    connection.execute("create or replace temp table as_written as from looked_at")
    connection.execute(f"update looked_at set value = {as_text} where regexp_matches(value, '[0-9]')")
    plain = _share(connection, f"regexp_matches(value, '{NUMBER}')")
    comma = _share(connection, f"regexp_matches(value, '{COMMA_NUMBER}')")
    has_comma = comma >= MOST and _share(connection, f"regexp_matches(value, '{DECIMAL_COMMA}')") > 0
    grouped = _share(connection, f"regexp_matches(value, '{NUMBER}') or regexp_matches(value, '{THOUSANDS}')")
    has_thousands = not has_comma and grouped >= MOST and grouped > plain
    is_number = plain >= MOST or has_comma or has_thousands
    is_whole = is_number and _share(connection, "regexp_matches(value, '^[-+]?[0-9]+([.]0+)?$')") >= MOST
    like_thousands = _share(connection, "regexp_matches(value, '^[-+]?[1-9][0-9]{0,2}([.][0-9]{3})+$')")
    is_large = is_number and _share(connection, LARGE) > 0.5
    has_minus = is_number and _share(connection, "value like '-%'") > 0
    ends_in_zero = is_number and _share(connection, "regexp_matches(value, '^[0-9]+[.]0$')") == 1
    connection.execute("create or replace temp table looked_at as from as_written")
    formats = [] if symbol or has_comma else _formats(connection)
    is_iso = _share(connection, f"regexp_matches(value, '{ISO}') and try_cast(value as timestamp) is not null") >= MOST
    return {
        "symbol": symbol,
        "has_comma": has_comma,
        "has_thousands": has_thousands,
        "is_number": is_number and not formats,
        "is_whole": is_whole,
        "has_minus": has_minus,
        "is_large": is_large,
        "has_points_for_thousands": bool(like_thousands) and not has_comma and _all_in_thousands(connection),
        "ends_in_zero": ends_in_zero,
        "formats": [] if is_iso else formats,
        "is_time": is_iso or bool(formats),
        "is_boolean": _are_booleans(connection),
        "is_email": _share(connection, f"regexp_matches(value, '{EMAIL}')") >= MOST,
        "is_phone": not formats and _share(connection, f"regexp_matches(value, '{PHONE}')") >= MOST,
        "is_long_text": _share(connection, "length(value) > 60") > 0.2,
    }


def _all_in_thousands(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether each number with a point has three digits after it: 1.250 may be one and a quarter, or 1,250."""
    points = "contains(value, '.')"
    three = "regexp_matches(trim(value), '^[-+]?[1-9][0-9]{0,2}([.][0-9]{3})+$')"
    return _share(connection, f"{points} and not {three}") == 0


def _share(connection: duckdb.DuckDBPyConnection, condition: str) -> float:
    """The share of the looked-at values for which a condition holds."""
    query = f"select coalesce(avg(case when {condition} then 1 else 0 end), 0) from looked_at"
    return float(connection.execute(query).fetchall()[0][0])


def _are_booleans(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute("select distinct lower(value) from looked_at limit 3").fetchall()
    return 0 < len(found) <= 2 and {value for (value,) in found} <= BOOLEANS


def _fits(connection: duckdb.DuckDBPyConnection, time_format: str) -> bool:
    return _share(connection, f"try_strptime(value, {quote_literal(time_format)}) is not null") >= MOST


def _formats(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Formats that fit the most values; several where day and month cannot be told apart."""
    if _share(connection, "regexp_matches(value, '[0-9]') and length(value) between 6 and 32") < MOST:
        return []
    likely = [item for item in FORMATS if _fits_some(connection, item)]
    shares = {
        item: _share(
            connection,
            f"try_strptime(value, {quote_literal(item)}) between timestamp '1900-01-01' and timestamp '2199-12-31'",
        )
        for item in likely
    }
    best = max(shares.values(), default=0)
    fitting = [item for item, share in shares.items() if share == best] if best >= MOST else []
    return sorted(fitting, key=lambda item: _steps_back(connection, item)) if len(fitting) > 1 else fitting


def _steps_back(connection: duckdb.DuckDBPyConnection, time_format: str) -> int:
    """How often a row would be earlier than the one before it: exports are mostly in the order of time."""
    value = f"try_strptime(value, {quote_literal(time_format)})"
    query = f"select {value} < lag({value}) over (order by rowid) as is_back from looked_at"
    return int(connection.execute(f"select count(*) filter (is_back) from ({query})").fetchall()[0][0])


def _fits_some(connection: duckdb.DuckDBPyConnection, time_format: str) -> bool:
    query = f"select count(try_strptime(value, {quote_literal(time_format)})) from (from looked_at limit 50)"
    return bool(connection.execute(query).fetchall()[0][0])
