"""The weight of a pair: log2 of the odds that two records are one party, given how their values agree."""

from math import log2
from typing import Any

import duckdb

from mining.identity.comparisons import COMPARISONS, Comparison, Level, levels_sql

DIGITS = 4

SHARES = """
create or replace temp table shares as
select unnest($kinds) as kind, unnest($terms) as term, unnest($shares) as share
"""
SHARED = """
create or replace temp table {column}_shares as
select fields.{column} as value, any_value(shares.share) as share
from fields inner join shares on shares.kind = '{column}' and md5(fields.{column}) = shares.term
group by fields.{column}
"""
COMPARED = """
create or replace temp table compared as
with levels as (
    select
        candidates.record_no,
        candidates.other_no,
        {levels},
        {values},
        least(l.word_count, r.word_count) >= 2 as are_whole_names,
        coalesce(l.given is not null and r.given is not null, false) as are_given_names,
        coalesce(list_has_any(l.meant_given_keys, r.meant_given_keys) or is_slip(l.given, r.given, 4), false)
            as is_given_name_equal,
        coalesce(
            least(length(l.given), length(r.given)) >= 4 and damerau_levenshtein(l.given, r.given) = 1
            and list_contains(l.words, l.given) and list_contains(r.words, r.given),
            false
        ) as is_given_name_near,
        coalesce(
            l.given <> r.given and not is_slip(l.given, r.given, 4) and l.has_chinese and r.has_chinese
            and not (l.has_english or r.has_english)
            and replace(l.letters, l.given, '') = replace(r.letters, r.given, ''),
            false
        ) as is_given_name_spelled_otherwise,
        coalesce(l.postcode = r.postcode, false) as is_postcode_equal,
        coalesce(l.phone = r.phone and l.emails_of_phone = 1, false) as is_phone_personal,
        coalesce(
            case
                when email_level in (1, 2)
                    then is_named_alone(l.names_in_email, l.forms, r.parts)
                        or is_named_alone(r.names_in_email, r.forms, l.parts)
            end,
            false
        ) as is_email_personal,
        coalesce(l.phone <> r.phone, false) as are_two_phones,
        coalesce(l.is_short or r.is_short, false) as is_name_short,
        coalesce(
            len(l.names_in_email) >= l.word_count or len(r.names_in_email) >= r.word_count, false
        ) as is_name_in_email,
        coalesce(
            l.has_chinese and r.has_chinese and l.has_english <> r.has_english, false
        ) as are_two_languages
    from candidates
    inner join fields as l on candidates.record_no = l.record_no
    inner join fields as r on candidates.other_no = r.record_no
)

select
    levels.* exclude ({excluded}),
    round({prior} + {weights}, {digits}) as weight
from levels
{joins}
"""


def compare(connection: duckdb.DuckDBPyConnection, model: dict[str, Any]) -> None:
    """Make the table `compared` of `candidates`: the level of each comparison, and the weight of all together."""
    frequencies = model["frequencies"]
    flat = [(kind, term, share) for kind, one in frequencies.items() for term, share in one["terms"].items()]
    columns = [list(column) for column in zip(*flat, strict=True)] or [[], [], []]
    connection.execute(SHARES, dict(zip(("kinds", "terms", "shares"), columns, strict=True)))
    for column in frequencies:
        connection.execute(SHARED.format(column=column))
    sides = [(column, side) for column in frequencies for side in ("l", "r")]
    connection.execute(
        COMPARED.format(
            levels=",\n        ".join(
                f"cast({levels_sql(one)} as utinyint) as {one.name}_level" for one in COMPARISONS
            ),
            values=", ".join(f"{side}.{column} as {column}_{side}" for column, side in sides),
            excluded=", ".join(f"{column}_{side}" for column, side in sides),
            prior=log2(model["prior"] / (1 - model["prior"])),
            weights="\n        + ".join(_weight(one, model) for one in COMPARISONS),
            digits=DIGITS,
            joins="\n".join(
                f"left join {column}_shares as {column}_{side}_share"
                f" on levels.{column}_{side} = {column}_{side}_share.value"
                for column, side in sides
            ),
        )
    )


def _weight(comparison: Comparison, model: dict[str, Any]) -> str:
    """Return the expression of a comparison's weight; levels that say nothing weigh 0."""
    chances = model["comparisons"][comparison.name]
    cases = []
    for number, chance in enumerate(chances, 1):
        level = comparison.levels[number - 1] if number <= len(comparison.levels) else None
        cases.append(f"when {number} then {_of_level(level, chance, model)}")
    return f"case {comparison.name}_level {' '.join(cases)} else 0 end"


def _of_level(level: Level | None, chance: dict[str, float], model: dict[str, Any]) -> str:
    weight = log2(chance["m"] / chance["u"])
    column = level.frequency_of if level else None
    if column is None:
        return f"({weight})"
    rest = model["frequencies"][column]["rest"]
    share = f"greatest(coalesce({column}_l_share.share, {rest}), coalesce({column}_r_share.share, {rest}))"
    return f"({log2(chance['m'])} - log2({share}))"
