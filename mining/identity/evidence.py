"""What a pair of records shows beside its weight: pieces of evidence that agree, and what forbids a link."""

import duckdb

LEAST_WEIGHT = 6
LEAST_PIECES = 2
LINK, REVIEW, VETOED = "link", "review", "vetoed"

PIECES = {
    "loyalty_id": "loyalty_id_level = 1",
    "email": "email_level in (1, 2)",
    "phone": "phone_level = 1",
    "full_name": "name_level in (1, 2) and are_whole_names",
    "birth_date": "birth_date_level = 1",
    "street": "address_level in (1, 2)",
    "postcode": "is_postcode_equal",
}
"""Conditions over `compared`: the levels are those of `comparisons.py`, the best is 1."""
OF_A_PERSON = ("loyalty_id", "email", "phone", "full_name")
"""Families share street and postcode, twins the birth date too: one piece at least must be another."""
TWO_NAMES = (
    "are_two_languages and name_level = 5 and email_level in (1, 2) and is_email_personal and is_phone_personal"
    " and address_level not in (1, 2)"
)
"""A Chinese and an English given name of one person, of one family name, with one e-mail address and one phone.

A couple's address has neither's given name, or their phone is also given with another address, or their records name
one home.
"""
VETOES = {
    "two loyalty numbers": "loyalty_id_level in (2, 3)",
    "two birth dates": "birth_date_level in (2, 3)",
    "two given names": f"name_level in (5, 6) and not ({TWO_NAMES})",
}
MAY_BE_AN_ERROR = {
    "two loyalty numbers": "loyalty_id_level = 2",
    "two birth dates": "birth_date_level = 2",
    "two given names": "email_level = 1 and phone_level = 1 and address_level not in (1, 2)",
}

JUDGED = """
create or replace temp table judged as
with pieces as (
    select
        *,
        list_filter([{pieces}], lambda piece: piece is not null) as evidence,
        list_filter([{vetoes}], lambda veto: veto is not null) as vetoes,
        {errors} as are_vetoes_errors
    from compared
    where weight >= {weight}
),

counted as (
    select *, len(list_intersect(evidence, {of_a_person})) as persons from pieces
)

select
    record_no,
    other_no,
    weight,
    evidence,
    case
        when len(vetoes) > 0 and not are_vetoes_errors then '{vetoed}'
        when len(vetoes) > 0 then '{review}'
        when len(evidence) >= {least} and persons >= if(name_level in (3, 4), 2, 1) then '{link}'
        else '{review}'
    end as verdict,
    case
        when len(vetoes) > 0 then array_to_string(vetoes, ', ')
        when len(evidence) < {least} then 'one piece of evidence'
        when persons = 0 then 'what twins and families share'
        when persons < if(name_level in (3, 4), 2, 1) then 'names agree in part'
    end as reason
from counted
where len(evidence) > 0
"""


def judge(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `judged` of `compared`."""
    vetoed = " and ".join(
        f"(not coalesce({condition}, false) or {MAY_BE_AN_ERROR[name]})" for name, condition in VETOES.items()
    )
    connection.execute(
        JUDGED.format(
            pieces=_named(PIECES),
            vetoes=_named(VETOES),
            errors=vetoed,
            weight=LEAST_WEIGHT,
            least=LEAST_PIECES,
            of_a_person=str(list(OF_A_PERSON)),
            link=LINK,
            review=REVIEW,
            vetoed=VETOED,
        )
    )


def _named(conditions: dict[str, str]) -> str:
    return ", ".join(f"case when {condition} then '{name}' end" for name, condition in conditions.items())
