"""Hints at a company's currency and time zone. They are guesses: nothing in a file says what its numbers are in."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.inspection.profile import SYMBOLS, Profile

# Countries of one time zone, as exports write them.
COUNTRIES = {
    "united kingdom|uk|gb|great britain": ("GBP", "Europe/London"),
    "germany|de|deutschland": ("EUR", "Europe/Berlin"),
    "france|fr": ("EUR", "Europe/Paris"),
    "netherlands|nl": ("EUR", "Europe/Amsterdam"),
    "belgium|be": ("EUR", "Europe/Brussels"),
    "austria|at|österreich": ("EUR", "Europe/Vienna"),
    "italy|it|italia": ("EUR", "Europe/Rome"),
    "ireland|ie|eire": ("EUR", "Europe/Dublin"),
    "switzerland|ch|schweiz": ("CHF", "Europe/Zurich"),
    "sweden|se": ("SEK", "Europe/Stockholm"),
    "norway|no": ("NOK", "Europe/Oslo"),
    "denmark|dk": ("DKK", "Europe/Copenhagen"),
    "poland|pl": ("PLN", "Europe/Warsaw"),
    "japan|jp": ("JPY", "Asia/Tokyo"),
    "india|in": ("INR", "Asia/Kolkata"),
    "singapore|sg": ("SGD", "Asia/Singapore"),
    "south africa|za": ("ZAR", "Africa/Johannesburg"),
    "china|cn|中国": ("CNY", "Asia/Shanghai"),
    "spain|es|españa|espana": ("EUR", "Europe/Madrid"),
    "portugal|pt": ("EUR", "Europe/Lisbon"),
}
# Countries of several time zones: their currency alone is known.
OF_LARGE_COUNTRY = {
    **dict.fromkeys(("united states", "usa", "us", "united states of america"), "USD"),
    **dict.fromkeys(("canada", "ca"), "CAD"),
    **dict.fromkeys(("australia", "au"), "AUD"),
    **dict.fromkeys(("brazil", "brasil", "br"), "BRL"),
    **dict.fromkeys(("mexico", "méxico", "mx"), "MXN"),
}
OF_WORD = {"dollar": "USD", "usd": "USD", "eur": "EUR", "euro": "EUR", "gbp": "GBP", "chf": "CHF"}
OF_COUNTRY = {name: company for names, company in COUNTRIES.items() for name in names.split("|")}


@dataclass(frozen=True)
class Company:
    """Currency and time zone, and what each was guessed from; None: from nothing.

    `currencies` are those that a column names.
    """

    currency: str = "EUR"
    currency_from: str | None = None
    time_zone: str = "UTC"
    time_zone_from: str | None = None
    currencies: Sequence[str] = ()


def guess_company(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[tuple[str, Sequence[Profile]]], known: str | None = None
) -> Company:
    """Guess from a column of currencies, a symbol beside the amounts, or the country on most of the rows.

    `known` is the currency that a known export always has.
    """
    columns = [(rows, profile) for rows, profiles in tables for profile in profiles]
    country = next((found for item in columns if (found := _country(connection, *item))), None)
    named = next((names for item in columns if (names := _currencies(connection, *item))), [])
    symbol = next((profile for _, profile in columns if profile.symbol), None)
    word = next((word for _, profile in columns for word in profile.words if word in OF_WORD), None)
    said = f"most rows have {country[0]} = {country[2]}" if country else None
    money, zone = "EUR", "UTC"
    if country:
        large = OF_LARGE_COUNTRY.get(country[1])
        money, zone = (large, "UTC") if large else OF_COUNTRY[country[1]]
    origin = said if zone != "UTC" else None
    if known:
        return Company(known, "the export is known", zone, origin)
    if named:
        return Company(named[0], "a column names it", zone, origin, named)
    if symbol is not None and symbol.symbol:
        return Company(SYMBOLS[symbol.symbol], f"{symbol.name} has the symbol {symbol.symbol}", zone, origin)
    if word and not country:
        return Company(OF_WORD[word], f"a column's name has the word {word}", zone, origin)
    return Company(money, said, zone, origin)


def _country(connection: duckdb.DuckDBPyConnection, rows: str, profile: Profile) -> tuple[str, str, str] | None:
    if profile.words != ["country"] or not profile.is_text:
        return None
    name = sql.identifier(profile.name)
    query = f"select {name}, count(*) from {rows} where {name} is not null group by 1 order by 2 desc, 1 limit 1"
    found = connection.execute(query).fetchall()
    if (
        not found
        or found[0][1] * 2 < profile.filled
        or found[0][0].strip().lower() not in {*OF_COUNTRY, *OF_LARGE_COUNTRY}
    ):
        return None
    return profile.name, found[0][0].strip().lower(), found[0][0].strip()


def _currencies(connection: duckdb.DuckDBPyConnection, rows: str, profile: Profile) -> list[str]:
    if "currency" not in profile.words or not profile.is_text or profile.distinct > 50:
        return []
    name = f"upper(trim({sql.identifier(profile.name)}))"
    query = f"select {name}, count(*) from {rows} where {name} is not null group by 1 order by 2 desc, 1"
    found = [value for value, _ in connection.execute(query).fetchall()]
    return found if found and all(len(v) == 3 and v.isascii() and v.isupper() for v in found) else []
