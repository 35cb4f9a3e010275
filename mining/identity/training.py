"""Train the weights of agreements without labels, with Splink (https://moj-analytical-services.github.io/splink).

Fellegi and Sunter's model (1969): m is the chance of a level of agreement in two records of one party, u in two of
different parties. u is counted in random pairs, m is estimated by expectation maximisation in pairs that share a value.
"""

import logging
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import duckdb

from mining.identity.comparisons import COMPARISONS, Comparison

if TYPE_CHECKING:
    from splink import Linker

SEED = 1
RANDOM_PAIRS = 500_000
BLOCKED_PAIRS = 300_000
LEAST_BLOCKED = 200
"""Fewer pairs that share a value teach nothing about the others."""
OF_ONE_PARTY = ("email", "phone", "loyalty_id")
FOUND_BY_VALUES = 0.7
"""Share of the pairs of one party that have an equal e-mail, phone or loyalty number; a weight moves by a fraction."""
TRAINED_ON = ("email", "phone", "birth_date", "loyalty_id", "name_key")
LEAST_M = 0.001
LEAST_BY_CHANCE = 0.1
"""Share of the random pairs of a level that are of two parties, at the least: the prior is an estimate."""
DIGITS = 6
FREQUENT = 20
"""Records that hold a value before its own frequency is stored, as a hash: fewer could say who somebody is."""
FREQUENT_TERMS = 5_000

FREQUENCIES = """
with held as (
    select {column} as value, count(*) as records from fields where {column} is not null group by {column}
),

ranked as (
    select *, row_number() over (order by records desc, value) as place, sum(records) over () as all_records from held
)

select
    md5(value) as term,
    records,
    all_records,
    place <= {terms} and records >= {frequent} as is_frequent
from ranked
order by place
"""


def train(connection: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """Return what `weights.compare` needs, as JSON can hold it; None where records share too few values to learn from.

    Reads the table `fields`. Runs on one thread, because sums of a sample round alike in one order only.
    """
    records = _one(connection, "select count(*) from fields")
    rules = [
        column for column in TRAINED_ON
        if _one(connection, f"select coalesce(sum(n * (n - 1) / 2), 0) from (select count(*) as n from fields"
                            f" where {column} is not null group by {column})") >= LEAST_BLOCKED
    ]  # fmt: skip
    if len(rules) < 2:
        return None
    threads = _one(connection, "select current_setting('threads')")
    connection.execute("set threads = 1")
    logging.disable(logging.WARNING)
    try:
        trained = _trained(connection, rules)
    finally:
        logging.disable(logging.NOTSET)
        connection.execute(f"set threads = {threads}; drop table if exists learned_from")
    if trained is None:
        return None
    return {**trained, "records": records, "frequencies": _all_frequencies(connection, trained)}


class _NoEstimateError(Exception):
    """Pairs that share a value say nothing of a level: its m is too small for a number."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def _trained(connection: duckdb.DuckDBPyConnection, rules: list[str]) -> dict[str, Any] | None:
    """Train on pairs of as many of the rules as allow it. What one of them leaves half done is thrown away."""
    linker = _by_chance_alone(connection)
    while rules:
        try:
            return {**_splink(deepcopy(linker), rules), "trained_on": rules}
        except _NoEstimateError as error:
            rules = [rule for rule in rules if rule != error.rule]
    return None


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    ((value,),) = connection.execute(query).fetchall()
    return value


def _by_chance_alone(connection: duckdb.DuckDBPyConnection) -> "Linker":
    """Return a linker that has counted u in random pairs, which takes half the time of the training."""
    from splink import DuckDBAPI, Linker  # noqa: PLC0415  it takes a second, and trains rarely

    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_no",
        "comparisons": [_of_splink(comparison) for comparison in COMPARISONS],
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": False,
    }
    connection.execute("create or replace temp table learned_from as select * from fields order by source_record_key")
    api = DuckDBAPI(connection)
    linker = Linker(api.register("learned_from"), settings)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=SEED, min_count_per_level=None)
    return linker


def _splink(linker: "Linker", rules: list[str]) -> dict[str, Any]:
    from splink import block_on  # noqa: PLC0415

    teach = linker.training
    certain = [column for column in OF_ONE_PARTY if column in rules] or rules[-1:]
    teach.estimate_probability_two_random_records_match(list(map(block_on, certain)), recall=FOUND_BY_VALUES)
    for rule in rules:
        try:
            teach.estimate_parameters_using_expectation_maximisation(
                block_on(rule), estimate_without_term_frequencies=True, max_pairs=BLOCKED_PAIRS
            )
        except ValueError as error:
            raise _NoEstimateError(rule) from error
    model = linker.misc.save_model_to_json()
    prior = model["probability_two_random_records_match"]
    return {
        "prior": _rounded(prior),
        "comparisons": {
            comparison["output_column_name"]: [
                {
                    "level": level["label_for_charts"],
                    "m": _rounded(max(level.get("m_probability") or 0.0, LEAST_M)),
                    "u": _rounded(_by_chance(level, prior)),
                }
                for level in comparison["comparison_levels"]
                if not level.get("is_null_level")
            ]
            for comparison in model["comparisons"]
        },
    }


def _by_chance(level: dict[str, Any], prior: float) -> float:
    """Return u without the random pairs that are of one party, which in a small company are as many as the others."""
    random, same = level.get("u_probability") or 0.0, level.get("m_probability") or 0.0
    return max(random - prior * same, random * LEAST_BY_CHANCE, 1 / RANDOM_PAIRS)


def _of_splink(comparison: Comparison) -> dict[str, Any]:
    unknown = {"sql_condition": comparison.unknown, "label_for_charts": "unknown", "is_null_level": True}
    levels = [{"sql_condition": level.condition, "label_for_charts": level.name} for level in comparison.levels]
    return {
        "output_column_name": comparison.name,
        "comparison_levels": [unknown, *levels, {"sql_condition": "ELSE", "label_for_charts": "else"}],
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _all_frequencies(connection: duckdb.DuckDBPyConnection, trained: dict[str, Any]) -> dict[str, Any]:
    """Return the frequencies of each column whose frequent values weigh less."""
    return {
        level.frequency_of: _frequencies(connection, level.frequency_of, chances["m"], trained["prior"])
        for comparison in COMPARISONS
        for level, chances in zip(comparison.levels, trained["comparisons"][comparison.name], strict=False)
        if level.frequency_of
    }


def _frequencies(connection: duckdb.DuckDBPyConnection, column: str, same: float, prior: float) -> dict[str, Any]:
    """Shares of records that hold the frequent values, and of the others the chance that two parties hold one.

    `same` is the chance that two records of one party agree.
    """
    rows = connection.execute(FREQUENCIES.format(column=column, terms=FREQUENT_TERMS, frequent=FREQUENT)).fetchall()
    if not rows:
        return {"terms": {}, "rest": 1.0}
    total = rows[0][2]
    rest = [records for _, records, _, is_frequent in rows if not is_frequent]
    chance = sum(records * (records - 1) for records in rest) / (sum(rest) * (total - 1)) if rest else 1 / total
    return {
        "terms": {term: _rounded(records / total) for term, records, _, is_frequent in rows if is_frequent},
        "rest": _rounded(_by_chance({"u_probability": chance, "m_probability": same}, prior)),
    }
