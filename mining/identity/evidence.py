"""What a pair of records shows beside its weight: pieces of evidence that agree, and what forbids a link."""

from collections.abc import Collection

import duckdb

LEAST_WEIGHT = 6
LEAST_PIECES = 2
CERTAIN_PIECES = 3
"""With the full name among them, a veto that may be a typing error is one."""
LINK, REVIEW, VETOED = "link", "review", "vetoed"
TWO_GIVEN_NAMES = "two given names"
"""In one language. Records that contradict each other so are not one customer by other records either."""

FULL_NAME = (
    "name_level in (1, 2) and are_whole_names"
    " and (not are_given_names or is_given_name_equal and not is_given_name_spelled_otherwise)"
)
"""Words of a given name in another order are another name: Jia Lian, Lian Jia. Who spells a Chinese given name in
another way spells the family name in another way, too: Xiu Jun Goh and Xiu Choon Goh are two."""
PIECES = {
    "loyalty_id": "loyalty_id_level = 1",
    "email": "email_level in (1, 2)",
    "phone": f"phone_level = 1 or phone_level = 2 and {FULL_NAME}",
    "full_name": FULL_NAME,
    "birth_date": "birth_date_level = 1",
    "street": "address_level in (1, 2)",
    "postcode": "is_postcode_equal",
}
"""Conditions over `compared`: the levels are those of `comparisons.py`, the best is 1."""
OF_A_PERSON = ("loyalty_id", "email", "phone", "full_name")
"""Families share street and postcode, twins the birth date too: one piece must be another. Where names agree in part
only, two must be: partners order with each other's address."""
TWO_NAMES = (
    "are_two_languages and name_level = 6 and email_level in (1, 2) and is_email_personal"
    " and (birth_date_level = 1 or is_phone_personal and address_level not in (1, 2))"
)
"""A Chinese and an English given name of one person, of one family name, with one e-mail address and one phone.

A couple's address has neither's given name, or their phone is also given with another address, or their records name
one home.
"""
NO_TWINS = "(is_given_name_equal or name_level in (1, 2, 5, 6) and not are_whole_names and not are_given_names)"
"""Twins have different given names: here they are equal, or of one record not known. A wrong letter may
be another name: Mei Ling and Wei Ling are twins."""
OF_SEVERAL = "is_name_short and email_level in (1, 2) and not is_name_in_email"
"""Samuel and Samantha, who are both called Sam, have the family's e-mail address. Name and address do not tell them
apart, so a third piece of a person is needed."""
UNSURE = "phone_level = 2 and list_contains(evidence, 'phone') and (are_two_phones or is_name_short)"
"""What namesakes may have: two whole numbers that differ by a slip, or with a name that several people go by a number
that lacks a digit."""
OTHER_NAME = "name_level in (5, 6, 7) and not is_given_name_near and (are_whole_names or are_given_names)"
VETOES = {
    "two loyalty numbers": "loyalty_id_level in (2, 3)",
    "two birth dates": "birth_date_level in (2, 3)",
    TWO_GIVEN_NAMES: f"{OTHER_NAME} and not are_two_languages",
    "given names of two languages": f"{OTHER_NAME} and are_two_languages and not ({TWO_NAMES})",
}
MAY_BE_AN_ERROR = {
    "two loyalty numbers": "loyalty_id_level = 2",
    "two birth dates": "birth_date_level = 2",
    TWO_GIVEN_NAMES: "email_level = 1 and phone_level = 1 and address_level not in (1, 2)",
    "given names of two languages": "email_level = 1 and phone_level = 1 and address_level not in (1, 2)",
}

TWINS = "twins"
GUARDS = (*VETOES, TWINS)
"""All of them, unless a company switches one off."""
WITHOUT_TWINS = {
    "full_name": "name_level in (1, 2, 5) and are_whole_names",
    "postcode": "is_postcode_equal or address_level = 5",
}
NO_TWINS_OF_A_HOME = "birth_date_level = 1 and address_level between 1 and 5"
"""Records of one birth date and home that are no twins are one person under another given name. A wrong letter in a
name and a wrong digit in a postcode are then slips."""
HELD = {"two loyalty numbers": "loyalty_id", "two birth dates": "birth_date"}
"""Columns of which a customer has one value, as long as the guard holds: no link joins clusters that hold two."""

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
    select
        *,
        len(list_intersect(evidence, {of_a_person}))
            + (birth_date_level = 1 and ({no_twins} or is_email_personal and email_level in (1, 2)))::int as persons,
        {least} + ({unsure})::int as needed_pieces,
        case
            when {of_several} then 3
            when {needs_two} and (name_level in (3, 4) or is_given_name_near) and not is_given_name_equal then 2
            else 1
        end as needed_persons,
        are_vetoes_errors and len(evidence) >= {certain} and list_contains(evidence, 'full_name') as are_errors
    from pieces
)

select
    record_no,
    other_no,
    weight,
    evidence,
    case
        when len(vetoes) > 0 and not are_vetoes_errors then '{vetoed}'
        when len(vetoes) > 0 and not are_errors then '{review}'
        when len(evidence) >= needed_pieces and persons >= needed_persons then '{link}'
        else '{review}'
    end as verdict,
    case
        when len(vetoes) > 0 and not are_errors then array_to_string(vetoes, ', ')
        when len(evidence) < {least} then 'one piece of evidence'
        when len(evidence) < needed_pieces then 'what a namesake may share'
        when persons = 0 then 'what twins and families share'
        when persons < needed_persons and {of_several} then 'a name that several people go by'
        when persons < needed_persons then 'names agree in part'
    end as reason
from counted
where len(evidence) > 0
"""


def judge(connection: duckdb.DuckDBPyConnection, guards: Collection[str] = GUARDS) -> None:
    """Make the table `judged` of `compared`.

    Parameters
    ----------
    connection
        Where the tables are.
    guards
        Those of `GUARDS` that hold.
    """
    vetoes = {name: condition for name, condition in VETOES.items() if name in guards}
    pieces, no_twins = PIECES, NO_TWINS
    if TWINS not in guards:
        pieces, no_twins = {**PIECES, **WITHOUT_TWINS}, "true"
        vetoes = {name: f"{condition} and not ({NO_TWINS_OF_A_HOME})" for name, condition in vetoes.items()}
    errors = " and ".join(
        f"(not coalesce({condition}, false) or {MAY_BE_AN_ERROR[name]})" for name, condition in vetoes.items()
    )
    connection.execute(
        JUDGED.format(
            pieces=_named(pieces),
            vetoes=_named(vetoes),
            errors=errors or "true",
            weight=LEAST_WEIGHT,
            least=LEAST_PIECES,
            certain=CERTAIN_PIECES,
            no_twins=no_twins,
            of_several=OF_SEVERAL,
            unsure=UNSURE,
            needs_two=str(TWINS in guards).lower(),
            of_a_person=str(list(OF_A_PERSON)),
            link=LINK,
            review=REVIEW,
            vetoed=VETOED,
        )
    )


def _named(conditions: dict[str, str]) -> str:
    return ", ".join(f"case when {condition} then '{name}' end" for name, condition in conditions.items())
