"""Amounts are multiplied and divided exactly: the macros of macros/money.sql are what decimal arithmetic says."""

from decimal import ROUND_HALF_UP, Context, Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.build.macros import macros

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
MONEY = macros("money", amount="decimal(18, 4)", total_amount="decimal(28, 4)")
QUOTIENT = MONEY["default__quotient"]("n", "d", "digits")
PRODUCT = MONEY["product"]("a", "b")
largest = st.decimals(-(10**12), 10**12, places=4, allow_nan=False)
amounts = st.decimals(-(10**13), 10**13, places=4, allow_nan=False)
wholes = st.decimals(-(10**9), 10**9, places=4, allow_nan=False) | st.integers(1, 10**6).map(Decimal)


def divided(numerator: Decimal, denominator: Decimal, digits: int) -> Decimal | None:
    with duckdb.connect() as connection:
        query = f"select {QUOTIENT} from (select ?::decimal(28, 4) as n, ?::decimal(28, 4) as d, ?::int as digits)"
        (value,) = connection.execute(query, [numerator, denominator, digits]).fetchall()[0]
    assert value is None or isinstance(value, Decimal)
    return value


@settings(deadline=None)
@given(amounts, wholes, st.integers(0, 6))
def test_a_quotient_is_that_of_decimal_arithmetic(numerator: Decimal, denominator: Decimal, digits: int) -> None:
    value = divided(numerator, denominator, digits)
    if denominator == 0:
        assert value is None
    else:
        assert value == EXACT.quantize(EXACT.divide(numerator, denominator), Decimal(1).scaleb(-digits))


TIES = [("40.23", "20.12"), ("-40.23", "-20.12"), ("2.01", "1.01"), ("0", "0")]


@pytest.mark.parametrize(("numerator", "value"), TIES)
def test_a_tie_is_rounded_away_from_zero(numerator: str, value: str) -> None:
    assert divided(Decimal(numerator), Decimal(2), 2) == Decimal(value)


@settings(deadline=None)
@given(largest, largest)
def test_a_product_of_the_largest_amounts_is_exact(amount: Decimal, quantity: Decimal) -> None:
    with duckdb.connect() as connection:
        query = f"select {PRODUCT} from (select ?::decimal(18, 4) as a, ?::decimal(18, 4) as b)"
        ((value,),) = connection.execute(query, [amount, quantity]).fetchall()
    assert value == EXACT.multiply(amount, quantity)
