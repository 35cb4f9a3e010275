"""SQL of a column's values: for the models (templates of dbt), and for looking at the rows here and now."""

import re
from functools import cache

import duckdb

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.build.macros import macros
from pipeline.onboarding.inspection.profile import Profile

PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
TEMPLATE = re.compile(r"\{[{%#]|[}%#]\}")
EXACT = "decimal(19, 4)"  # one digit more than an amount: DuckDB multiplies with 128 bits
COMMA_NUMBER = "^[-+]?([0-9]+|[0-9]{1,3}([.][0-9]{3})+)(,[0-9]+)?$"


@cache
def reserved_words() -> frozenset[str]:
    """Words that cannot stand in SQL as a name without quotes."""
    query = "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
    with duckdb.connect() as connection:
        return frozenset(name for (name,) in connection.execute(query).fetchall())


def identifier(name: str) -> str:
    """A column's name in SQL, in quotes where it needs them."""
    is_plain = PLAIN.fullmatch(name) and name not in reserved_words()
    return name if is_plain else quote_identifier(name)


def in_template(sql: str) -> str:
    """SQL as it must stand in a model, so that dbt does not take a part of a name for its own."""
    return f"{{{{ {text_of_jinja(sql)} }}}}" if TEMPLATE.search(sql) else sql


def text_of_jinja(text: str) -> str:
    """A text as a literal of Jinja."""
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    if "'" not in escaped:
        return f"'{escaped}'"
    return '"' + escaped.replace('"', '\\"') + '"'


def comment(text: str) -> str:
    """A text that may stand in a comment of a model: on one line, and without braces."""
    return re.sub(r"[\s{}]+", " ", text)


def number(profile: Profile, has_comma: bool, *, here: bool = False) -> str:
    """SQL of a number. In the models text that is not a number is passed on, so that it is quarantined with its reason.

    Parameters
    ----------
    has_comma
        Whether the table writes 1.249,00.
    here
        Whether it is to run here; otherwise it is text of a model, which calls macros of dbt.
    """
    value = identifier(profile.name)
    if not profile.is_text:
        typed = value if here else in_template(value)
        return exact(typed) if profile.kind in ("DOUBLE", "FLOAT") else typed
    if profile.symbol:
        value = f"trim(replace({value}, {quote_literal(profile.symbol)}, ''))"
    if profile.has_thousands:
        value = f"replace({value}, ',', '')"
    if here:
        plain = plain_number(f"trim({value})")
        is_comma = f"regexp_matches({plain}, {quote_literal(COMMA_NUMBER)})"
        return (
            f"case when {is_comma} then replace(replace({plain}, '.', ''), ',', '.') else {plain} end"
            if has_comma
            else plain
        )
    return f"{{{{ decimal_comma({text_of_jinja(value)}) }}}}" if has_comma else in_template(value)


def plain_number(text: str) -> str:
    """SQL of a number's text without a currency's sign and blanks between thousands, as the macro has it."""
    return str(macros("values")["plain_number"](text))


def exact(sql: str) -> str:
    """SQL of a number as an exact decimal; null where it is not a number."""
    return sql if sql.startswith("try_cast(") and sql.endswith(f" as {EXACT})") else f"try_cast({sql} as {EXACT})"


def time(profile: Profile, *, is_date: bool = False) -> str:
    """SQL of a time in a model; text that is not a time is passed on."""
    value = in_template(identifier(profile.name))
    if not profile.formats:
        return value
    text = f"trim({value})" if profile.is_text else f"cast({value} as varchar)"
    parsed = f"try_strptime({text}, {quote_literal(profile.formats[0])})"
    parsed = f"cast({parsed} as date)" if is_date else parsed
    return f"coalesce(cast({parsed} as varchar), {value if profile.is_text else text})"


def instant(profile: Profile) -> str:
    """SQL of a time as a timestamp, for the inspection; null where the value is not a time."""
    value = f"trim(cast({identifier(profile.name)} as varchar))"
    if profile.formats:
        return f"try_strptime({value}, {quote_literal(profile.formats[0])})"
    return f"try_cast({value} as timestamp)"


def name_or_number(profile: Profile) -> str:
    """SQL of an identifier or a text in a model: 13085.0 of a spoilt export is 13085."""
    value = in_template(identifier(profile.name))
    if not profile.ends_in_zero:
        return value
    if profile.is_text:
        return f"regexp_replace({value}, '[.]0$', '')"
    return f"coalesce(cast(try_cast({value} as bigint) as varchar), cast({value} as varchar))"
