"""Expressions mean the same on both engines: every dispatched macro, on values of the kind that sources deliver."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import yaml

from pipeline.base.catalog import variables
from pipeline.base.duck import quote_literal
from tests.support.builds.engines import Expressions, Said, different

GIVEN = yaml.safe_load(Path(__file__).with_name("hostile_values.yml").read_text(encoding="utf-8"))
VALUES = {
    **{name: variables()[name] for name in ("identity", "amount", "total_amount", "not_deleted")},
    "currency_digits": 2,
    "time_zone": "Europe/Berlin",
    "phones": {"home": "DE", "regions": {"DE": ["49", "0", 11]}, "plans": {}, "trunk_0": ["39"]},
}
FILES = [
    "conform",
    "facts",
    "history",
    "identity",
    "metrics",
    "money",
    "names",
    "order_status",
    "scores",
    "staging",
    "time",
]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Singapore", "UTC"]


def texts(said: Said) -> Mapping[str, str]:
    staged = said["staged_text"]("t")
    tried = {
        f"as_{number}": said["tried"](staged, type_)
        for number, type_ in enumerate(
            ["date", "double", "decimal(18, 4)", "decimal(18, 8)", "decimal(38, 9)", "decimal(38, 16)"]
        )
    }
    times = {f"at_{number}": said["utc_timestamp"]("t", f"'{zone}'") for number, zone in enumerate(ZONES)}
    return {
        **tried,
        **times,
        "whole": said["whole_number"](staged),
        "staged": staged,
        "trimmed": said["trimmed"]("t"),
        "identifier": said["identifier"]("t"),
        "missing": said["says_missing"]("t"),
        "number": said["plain_number"](staged),
        "comma": said["decimal_comma"]("t"),
        "noiseless": said["without_noise"]("t"),
        "lower_case": said["lower_case"]("t"),
        "upper_case": said["upper_case"]("t"),
        "plain": said["without_accents"](said["lower_case"]("t")),
        "email": said["normal_email"]("t"),
        "phone": said["normal_phone"]("t"),
        "code": said["normal_number"]("t"),
        "words": said["joined"](said["name_words"]("t"), "|"),
        "count_of_words": said["length_of"](said["name_words"]("t")),
        "both": said["joined"](
            said["words_of_both"](said["name_words"]("t"), said["name_words"]("nullif(t, 'a')")), "|"
        ),
        "letters": said["sorted_letters"]("t"),
        "chinese": said["is_chinese"]("t"),
        "status": said["status_key"]("t"),
        "rounded_number": said["matches"]("t", said["rounded_number"]()),
        "spreadsheet": said["matches"]("t", said["spreadsheet_error"]()),
        "any_sign": said["matches"]("t", "^a.b$"),
        "first_number": said["extracted"]("t", "([0-9]+)[.,]?([0-9]*)", 2),
        "numbers": said["joined"](said["in_order"](said["all_extracted"]("t", "([0-9]+[a-z]?)(?:[^0-9a-z]|$)")), " "),
        "swapped": said["replaced"]("t", "([0-9])([a-zA-Z])", "\\2\\1"),
        "listed": f"t in ({said['text_list'](GIVEN['texts'])})",
        "hash": said["content_hash"](["t", "nullif(t, 'a')"]),
        "key": said["record_key"]("t", "t"),
        "number_of_hash": said["number_of_hash"]("substr(md5(t), 1, 16)"),
        "cursor_rest": said["time_of_cursor"]("t"),
        "in_24_hours": said["from_zone"]("'UTC'", said["in_24_hours"]("upper(t)")),
    }


def pairs(said: Said) -> Mapping[str, str]:
    return {
        "off": said["is_one_letter_off"]("one", "other"),
        "same": f"{said['sorted_letters']('one')} = {said['sorted_letters']('other')}",
    }


def numbers(said: Said) -> Mapping[str, str]:
    double = "cast(a as double) / 3"
    return {
        **{f"quotient_{digits}": said["quotient"]("a", "b", digits) for digits in range(7)},
        "by_column": said["quotient"]("a", "b", "digits"),
        "of_hundred": said["quotient"]("100 * a", "b", 0),
        "proportion": said["proportion"]("a", "b", "c"),
        "product": said["rounded_product"]("a", "cast(1.23456789 as decimal(18, 8))"),
        **{f"rounded_{digits}": said["rounded"](double, digits) for digits in (0, 1, 2, 4, 6)},
        "tie": said["rounded"]("cast(a as double)", 2),
        "amount": said["rounded_amount"](double),
        "shown": said["amount_text"]("a"),
        "months": said["month_number"]("date '2024-02-29'"),
    }


def instants(said: Said) -> Mapping[str, str]:
    return {
        "day": said["local_date"]("moment"),
        "seconds": said["seconds_between"]("timestamp '1990-01-01 00:00:00.9'", "moment"),
        "days": said["days_between"]("date '2024-02-29'", "cast(moment as date)"),
        "later": said["add_days"]("cast(moment as date)", "366"),
        "known": said["is_possible_time"]("moment", "timestamp '2024-06-01 00:00:00'"),
        "compact": said["compact_instant"]("compact"),
        "written": said["instant"]("written"),
    }


def listed(columns: str, rows: Iterable[Iterable[str]]) -> str:
    values = ", ".join(f"({', '.join(map(quote_literal, row))})" for row in rows)
    return f"select row_number() over () as id, * from (values {values}) as given ({columns})"


def single(name: str) -> str:
    return listed("told", ([value] for value in GIVEN[name]))


TEXTS = f"select id, told as t from ({single('texts')}) union all select 0, null"
NUMBERS = f"""
    select
        row_number() over (order by a, b) as id, cast(a as decimal(18, 4)) as a, cast(b as decimal(18, 4)) as b,
        cast(7.77 as decimal(18, 4)) as c, cast(id % 7 as int) as digits
    from (select id, told as a from ({single("numbers")})), (select unnest(['2', '3', '0', '-7', '0.03', '8.4']) as b)
"""
INSTANTS = f"""
    select
        id, cast(told as timestamp) as moment, told || '+02:00' as written,
        strftime(cast(told as timestamp), '%Y%m%dT%H%M%SZ') as compact
    from ({single("instants")})
"""
# Latin, marks, Greek, Cyrillic, Vietnamese, kana, the first of Hangul, compatible ideographs.
LETTERS = """
    select code as id, chr(cast(code as int)) as t
    from (
        select unnest(
            range(32, 592) || range(768, 880) || range(880, 1328) || range(7680, 7936) || range(12352, 12544)
            || range(44032, 44132) || range(63744, 64218)
        ) as code
    )
"""


def letters(said: Said) -> Mapping[str, str]:
    return {
        "plain": said["without_accents"]("t"),
        "lower_case": said["lower_case"]("t"),
        "marked": said["without_accents"]("'a' || t || 'b'"),
    }


RELATIONS: dict[str, tuple[str, Expressions]] = {
    "texts": (TEXTS, texts),
    "pairs": (listed("one, other", GIVEN["pairs"]), pairs),
    "numbers": (NUMBERS, numbers),
    "instants": (INSTANTS, instants),
    "letters": (LETTERS, letters),
}


# What the engines are known to differ in: the comparison must find it, or its silence says nothing.
CONTROL = ("select 1 as id, 'a' as t", lambda _: {"text": "concat(t, null)"})
FOUND = "control.text: {'id': 1, 't': 'a'}: DuckDB 'a', Spark None"


@pytest.mark.slow
@pytest.mark.spark
def test_both_engines_make_the_same_of_every_value(spark_python: Path, tmp_path: Path) -> None:
    found = different(spark_python, tmp_path, {**RELATIONS, "control": CONTROL}, FILES, **VALUES)
    assert found == [FOUND], "\n".join(found)
