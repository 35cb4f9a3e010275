"""How numbers are written: amounts with the digits of their currency (ISO 4217's minor units), counts with a noun."""

from decimal import Decimal

USUAL_DIGITS = 2
OTHER_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS = {currency: digits for digits, currencies in OTHER_DIGITS.items() for currency in currencies.split()}


def currency_digits(currency: str) -> int:
    """Return how many digits after the point a currency's amounts have: 2 of EUR, 0 of JPY, 3 of KWD.

    The build passes it to dbt (`var('currency_digits')`), and to mining with the features.
    """
    return _DIGITS.get(currency, USUAL_DIGITS)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return an amount in whole units of its currency's smallest coin."""
    return amount.quantize(Decimal(1).scaleb(-currency_digits(currency)))


def amount_text(amount: Decimal | float | None, currency: str) -> str:
    """Return an amount with the digits of its currency: 1,234.50."""
    return "unknown" if amount is None else f"{amount:,.{currency_digits(currency)}f}"


def exact_text(value: Decimal, *digits: int, sign: str = "") -> str:
    """Return a number with the first of these numbers of digits that loses nothing, else with all that it has."""
    shown = (f"{value:{sign},.{number}f}" for number in digits if value == round(value, number))
    return next(shown, f"{value:{sign},f}")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 customer, 1,234 customers."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"
