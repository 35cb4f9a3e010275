"""Models are read by both engines: text of one engine stands in dispatched macros, and docs/scale.md lists those."""

import re
from pathlib import Path

import pytest

from pipeline.base.settings import DBT_PROJECT, ROOT

MODELS = sorted((DBT_PROJECT / "models").rglob("*.sql"))
MACROS = sorted((DBT_PROJECT / "macros").glob("*.sql"))
COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
DISPATCHED = re.compile(r"\{%-?\s*macro\s+(?:default|spark)__(\w+)\(")
# Sources of public data sets, which DuckDB alone reads: their staging is in DuckDB's SQL.
OF_DUCKDB = {"cdnow", "complete_journey", "hillstrom", "online_retail_ii"}
# What one engine does not know, or takes for something else: what to write in its place.
ENGINE_TEXT = {
    r"\bregexp_\w+\(|\bsimilar to\b|\brlike\b": "matches(), replaced(), extracted()",
    r"\b(?:l|r|b)?trim\((?!leading|trailing|both)": "trimmed(), or trim(leading '0' from x)",
    r"\b(?:lower|upper)\(": "lower_case(), upper_case()",
    r"\bstrip_accents\(|\bnfc_normalize\(": "without_accents()",
    r"\btry_cast\(|\btry_strptime\(": "tried()",
    r"::|\bas\s+(?:varchar|text|string|hugeint|timestamptz|ubigint)\s*\)": "cast(x as {{ contract_type('text') }})",
    r"\btimezone\(|\bstrptime\(|\bstrftime\(|\bto_date\(|\bdate_format\(": "local_date(), instant(), compact_instant()",
    r"\bdate_diff\(|\bdatediff\(|\bdate_add\(|\bepoch\b|\bunix_timestamp\(": "days_between(), add_days()",
    r"\bunnest\(|\bexplode\(|\bgenerate_series\(|\bsequence\(|\brange\(\d": "day_series(), or a list of values",
    r"\blist(?:_\w+)?\(|\barray(?:_\w+)?\(|\bstring_agg\(|\blistagg\(|\[\s*'": "macros of names.sql",
    r"\barg_m(?:ax|in)\(": "max_by(), min_by()",
    r"\bquantile\w*\(|\bmedian\(|\bpercentile(?:_cont|_approx)?\(": "percentile_disc(), or ranks",
    r"\basof\b|\bunion(?: all)? by name\b|\bexclude\s*\(|\*\s*replace\s*\(|\browid\b": "standard SQL",
    r"\bread_\w+\(|\bparquet\.`": "scores(), parquet_files(), planned_receipts()",
    r"(?<![\w.])round\(": "rounded(), which rounds doubles alike; quotient() for decimals",
    r"\blog\(": "ln()",
    r"\bsubstr\([^()]*,\s*0\s*[,)]": "substr() from 1",
    r"/\s*\d+[.]\d|\bavg\([^()]*\d[.]\d": "a double (7e0): Spark rounds quotients of decimals to six digits",
    r"(?<![\w'])//|\bdiv\b|\bprintf\(|\bformat_string\(": "quotient(), a cast of floor()",
    r"\\": "a macro: a backslash is an escape on Spark",
    r"`": 'a name in "…"',
}


def sql(path: Path) -> str:
    """The SQL of a model without what macros are given: calls, settings and comments."""
    return CALL.sub(" x ", COMMENT.sub(" ", path.read_text(encoding="utf-8")))


CALL = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def found(text: str) -> dict[str, str]:
    """Return what one engine alone understands in a text, with what to write in its place."""
    matches = ((re.search(pattern, text, re.IGNORECASE), instead) for pattern, instead in ENGINE_TEXT.items())
    return {match[0]: instead for match, instead in matches if match}


@pytest.mark.parametrize(
    "path",
    [path for path in MODELS if not OF_DUCKDB & set(path.parts)],
    ids=lambda path: path.stem,
)
def test_a_model_has_no_text_of_one_engine(path: Path) -> None:
    assert found(sql(path)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "where regexp_matches(status, '^a')",
        "select trim(email)",
        "select lower(email)",
        "select strip_accents(x)",
        "try_cast(x as date)",
        "cast(x as varchar)",
        "x::int",
        "timezone('UTC', at)",
        "date_diff('day', a, b)",
        "extract(epoch from at)",
        "select unnest(words)",
        "list_filter(words, w)",
        "['first', 'last']",
        "arg_max(a, b)",
        "quantile_cont(x, 0.5)",
        "from a asof join b using (at)",
        "union all by name select 1",
        "select * exclude (a)",
        "select * replace (1 as a)",
        "from read_parquet('x')",
        "round(x / y, 6)",
        "log(x)",
        "substr(x, 0, 2)",
        "avg(case when a then 1.0 end)",
        "a / 7.0",
        "a // b",
        r"like '\N'",
        "select `a`",
        "explode(words)",
    ],
)
def test_text_of_one_engine_is_found(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize(
    "text", ["select trim(leading '0' from x)", "select substr(x, 10, 2)", "{{ rounded('x', 2) }}", "values ('first')"]
)
def test_what_both_engines_read_is_not_found(text: str) -> None:
    assert not found(CALL.sub(" x ", text))


def test_the_documentation_lists_the_dispatched_macros() -> None:
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    section = text.split("## What differs between the engines", 1)[1].split("\n## ", 1)[0]
    listed = [
        name
        for row in section.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    dispatched = {name for path in MACROS for name in DISPATCHED.findall(path.read_text(encoding="utf-8"))}
    assert len(listed) == len(set(listed))
    assert set(listed) == dispatched
