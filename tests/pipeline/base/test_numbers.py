"""Amounts have the digits of their currency."""

from decimal import Decimal

import pytest

from pipeline.base.numbers import amount_text, currency_digits, exact_text, rounded
from pipeline.build.macros import macros
from pipeline.outputs.figures import short_money

AMOUNT = Decimal("1234.5678")
WRITTEN = [("EUR", "1,234.57"), ("JPY", "1,235"), ("KWD", "1,234.568"), ("CLF", "1,234.5678"), ("XTS", "1,234.57")]


@pytest.mark.parametrize(("currency", "text"), WRITTEN)
def test_an_amount_has_the_digits_of_its_currency(currency: str, text: str) -> None:
    assert amount_text(AMOUNT, currency) == text
    assert rounded(AMOUNT, currency) == Decimal(text.replace(",", ""))


def test_a_small_amount_has_all_digits_of_its_currency() -> None:
    assert [short_money(12.3456, currency) for currency in ("EUR", "JPY", "KWD")] == ["12.35", "12", "12.346"]


@pytest.mark.parametrize(
    ("value", "text"), [("5.0000", "5"), ("5.1000", "5.10"), ("5.1230", "5.1230"), ("-0.5000", "-0.50")]
)
def test_no_digit_of_a_number_is_lost(value: str, text: str) -> None:
    assert exact_text(Decimal(value), 0, 2) == text


@pytest.mark.parametrize(("currency", "unit"), [("JPY", "1"), ("EUR", "0.01"), ("KWD", "0.001"), ("CLF", "0.0001")])
def test_no_currency_has_more_digits_than_are_stored(currency: str, unit: str) -> None:
    money = macros("money", amount="decimal(18, 4)")
    assert money["smallest_unit"](currency_digits(currency)) == unit
    assert currency_digits(currency) <= money["stored_digits"]()
