"""Telephone numbers read by SQL are those that the library phonenumbers reads."""

import duckdb
import phonenumbers
import pytest

from pipeline.build.models import Models
from pipeline.build.phones import home_region, phone_variables

SINGAPORE = phone_variables("Asia/Singapore")
WRITTEN = [
    ("9123 4567", "SG"),
    ("65 9123-4567", "SG"),
    ("+65 9123 4567", "DE"),
    ("0151 12345678", "DE"),
    ("+49 0151 12345678", "SG"),
    ("(212) 736-5000", "US"),
    ("1-800-356-9377", "US"),
    ("07911 123456", "GB"),
    ("06 69821234", "IT"),
    ("+39 06 6982", "SG"),
    ("13800138000", "CN"),
    ("01 42 68 53 00", "FR"),
    ("436641234567", "AT"),
    ("+999 1234567", "SG"),
    ("1234 5670", "SG"),
    ("12", "SG"),
    ("n/a", "SG"),
]


@pytest.fixture(scope="module")
def read() -> dict[tuple[str, str], str | None]:
    """What SQL makes of the numbers: those of a plan, in digits."""
    with duckdb.connect() as connection:
        models = Models(connection, {"phones": SINGAPORE})
        digits = models.environment.from_string(
            "{{ normal_phone('number', ['own[1]', 'own[2]', 'cast(own[3] as int)']) }}"
        )
        found = {}
        for number, region in WRITTEN:
            own = [str(part) for part in SINGAPORE["regions"][region]]
            query = f"select {digits.render()} from (select $1 as number, $2::text[] as own)"
            [(text,)] = connection.execute(query, [number, own]).fetchall()
            plan = next((plan for code, plan in SINGAPORE["plans"].items() if text and text.startswith(code)), None)
            code = next((code for code in SINGAPORE["plans"] if text and text.startswith(code)), "")
            [(is_known,)] = connection.execute("select regexp_full_match($1, $2)", [text, f"{code}({plan})"]).fetchall()
            found[number, region] = text if plan and is_known else None
        return found


@pytest.mark.parametrize(("number", "region"), WRITTEN)
def test_a_number_is_what_the_library_says(number: str, region: str, read: dict[tuple[str, str], str | None]) -> None:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        parsed = phonenumbers.PhoneNumber()
    said = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    assert read[number, region] == (said if phonenumbers.is_valid_number(parsed) else None)


def test_the_country_is_that_of_the_time_zone() -> None:
    assert home_region("Europe/Berlin") == "DE"
    assert home_region("UTC") is None
    assert phone_variables("UTC")["home"] is None


def test_patterns_are_ones_that_sql_can_read() -> None:
    with duckdb.connect() as connection:
        for plan in SINGAPORE["plans"].values():
            connection.execute("select regexp_full_match('1', $1)", [plan])
