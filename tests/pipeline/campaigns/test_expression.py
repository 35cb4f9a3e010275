"""An audience names known columns and compares them; anything else is refused, with its place."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.campaigns.expression import ExpressionError, to_sql

COLUMNS = {
    "purchases": "bigint",
    "net_sales": "decimal(18, 4)",
    "tier": "string",
    "is_gold": "boolean",
    "last_order_date": "date",
}
READ = {
    "purchases = 0": "(purchases = 0)",
    "is_gold and not purchases>-1.5": "(is_gold and (not (purchases > -1.5)))",
    "tier in ('gold', 'o''neil') or tier is null": "((tier in ('gold', 'o''neil')) or (tier is null))",
    "purchases between 1 and 3 and is_gold": "((purchases between 1 and 3) and is_gold)",
    "(is_gold or purchases > 1) and tier is not null": "((is_gold or (purchases > 1)) and (tier is not null))",
    "last_order_date >= '2026-01-31'": "(last_order_date >= cast('2026-01-31' as date))",
    "purchases > net_sales": "(purchases > net_sales)",
    "is_gold = false": "(is_gold = false)",
    "tier not in ('a')": "(tier not in ('a'))",
}
REFUSED = {
    "": "the end at character 1 stands where a column is expected",
    "email is null": "'email' at character 1 is no column that is known",
    "lower(tier) = 'gold'": "'lower' at character 1 is a function, and only columns are allowed",
    "is_gold; drop table x": "';' at character 8 is not expected here",
    "tier = 'a' -- rest": "'-' at character 12 is not expected here",
    "tier = 'a' union select 1": "'union' at character 12 is not expected here",
    "tier = 'a": "''' at character 8 stands where a text is expected",
    "tier = (select 1)": "'(' at character 8 stands where a text is expected",
    'tier = "a"': "'\"' at character 8 stands where a text is expected",
    "purchases = 'one'": "''one'' at character 13 stands where a number is expected",
    "purchases = tier": "'tier' at character 13 is a text, and is compared with a number",
    "purchases = 1e9": "'1' at character 13 stands where a number is expected",
    "purchases": "'purchases' at character 1 is a number: compare it with a value",
    "is_gold < true": "'<' at character 9 does not compare what is true or false: use = or <>",
    "last_order_date = 'May'": "''May'' at character 19 is no day: write it as '2026-01-31'",
    "is_gold and": "the end at character 12 stands where a column is expected",
    "(is_gold": "the end at character 9 stands where ')' is expected",
    "tier not null": "'null' at character 10 stands where 'in' or 'between' is expected",
    "not " * 60 + "is_gold": "is nested too deeply",
}


@pytest.mark.parametrize(("text", "sql"), READ.items())
def test_an_expression_is_written_as_sql(text: str, sql: str) -> None:
    assert to_sql(text, COLUMNS) == sql


@pytest.mark.parametrize(("text", "problem"), REFUSED.items())
def test_what_is_no_expression_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError) as error:
        to_sql(text, COLUMNS)
    assert problem in str(error.value)


PIECES = ("purchases", "tier", "is_gold", "=", "<", "and", "or", "not", "in", "(", ")", "'", "'a'", "1", ";", "--", ",")


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join))
def test_what_is_read_is_one_condition_of_duckdb(text: str) -> None:
    try:
        sql = to_sql(text, COLUMNS)
    except ExpressionError:
        return
    row = "select 1 as purchases, 2 as net_sales, 'gold' as tier, true as is_gold, date '2026-01-01' as last_order_date"
    with duckdb.connect() as connection:
        (value,) = connection.execute(f"select cast(({sql}) as boolean) from ({row})").fetchall()[0]
    assert value in (True, False)
