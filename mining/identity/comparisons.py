"""How two records are compared: levels of agreement from the best down, as Splink writes them (`_l`, `_r`).

The conditions are SQL over the table `fields`, with the macros there. A level that is `null` says nothing.
"""

import re
from typing import NamedTuple


class Level(NamedTuple):
    """An agreement: its name, its condition, and whether a frequent value weighs less (the column with the value)."""

    name: str
    condition: str
    frequency_of: str | None = None


class Comparison(NamedTuple):
    """Levels from the best down, without the last, `else`; where `unknown` holds, the comparison says nothing."""

    name: str
    unknown: str
    levels: tuple[Level, ...]


ELSE = "else"
SAME_NAME = "(name_key_l = name_key_r or list_has_any(name_keys_l, name_keys_r))"
OTHERS = "others_of(words_l, forms_l, parts_r), others_of(words_r, forms_r, parts_l)"
A_WORD = "list_has_any(parts_l, parts_r)"
"""Of names without a common word, the other words are all: `letters` has them."""
SLIPPED_NAME = (
    "(is_slip(name_key_l, name_key_r, 5) or is_slip(letters_l, letters_r, 5)"
    " or list_has_any(meant_keys_l, meant_keys_r)"
    f" or ({A_WORD} and word_count_l = word_count_r and is_slip({OTHERS}, 3)))"
)
SAME_GIVEN_NAME = (
    "(list_has_any(given_keys_l, parts_r) or list_has_any(given_keys_r, parts_l)"
    " or coalesce(is_slip(given_l, given_r, 4), false)"
    " or covers(forms_l, parts_l, forms_r, parts_r) or covers(forms_r, parts_r, forms_l, parts_l))"
)
INITIAL = "(list_has_any(initials_l, first_letters_r) or list_has_any(initials_r, first_letters_l))"
NEAR_NAME = f"({A_WORD} and is_near({OTHERS})) or is_near(letters_l, letters_r)"
"""A wrong letter: Lucas and Lucad, but also Mei and Wei."""
SAME_STREET = "(address_l = address_r or street_number_l = street_number_r and is_like(address_l, address_r, 8))"
SAME_STREET_NAME = "(street_l = street_r or is_like(street_l, street_r, 6))"
"""Streets are few: two wrong letters or a missing ending make no other street. The number may differ or be missing."""

DAY_AS_MONTH = (
    "birth_date_l[:5] = birth_date_r[:5]"
    " and birth_date_l[6:7] = birth_date_r[9:] and birth_date_l[9:] = birth_date_r[6:7]"
)

COMPARISONS = (
    Comparison(
        "email",
        "email_l is null or email_r is null",
        (
            Level("equal", "email_l = email_r"),
            Level("slip", "is_slip(email_l, email_r, 6) and digits_of(email_l) = digits_of(email_r)"),
        ),
    ),
    Comparison(
        "phone",
        "any_phone_l is null or any_phone_r is null or any_phone_l = any_phone_r and phone_l is null",
        (Level("equal", "phone_l = phone_r"), Level("slip", "is_slip(any_phone_l, any_phone_r, 7)")),
    ),
    Comparison(
        "name",
        "name_key_l is null or name_key_r is null",
        (
            Level("equal", SAME_NAME, "name_key"),
            Level("slip", SLIPPED_NAME),
            Level("given name", SAME_GIVEN_NAME),
            Level("initial", INITIAL),
            Level("near", NEAR_NAME),
            Level("a word", A_WORD),
        ),
    ),
    Comparison(
        "birth_date",
        "birth_date_l is null or birth_date_r is null",
        (
            Level("equal", "birth_date_l = birth_date_r"),
            Level("near", f"damerau_levenshtein(birth_date_l, birth_date_r) = 1 or {DAY_AS_MONTH}"),
        ),
    ),
    Comparison(
        "address",
        "(address_l is null or address_r is null) and (postcode_l is null or postcode_r is null)",
        (
            Level("street and postcode", f"postcode_l = postcode_r and {SAME_STREET}"),
            Level("street", SAME_STREET),
            Level("street name and postcode", f"postcode_l = postcode_r and {SAME_STREET_NAME}"),
            Level("postcode", "postcode_l = postcode_r", "postcode"),
            Level("postcode near", "damerau_levenshtein(postcode_l, postcode_r) = 1"),
        ),
    ),
    Comparison(
        "loyalty_id",
        "loyalty_id_l is null or loyalty_id_r is null",
        (Level("equal", "loyalty_id_l = loyalty_id_r"), Level("slip", "is_slip(loyalty_id_l, loyalty_id_r, 5)")),
    ),
)


def of_pair(condition: str) -> str:
    """Return a condition over the rows `l` and `r` of a pair."""
    return re.sub(r"\b(\w+)_(l|r)\b", r"\2.\1", condition)


def levels_sql(comparison: Comparison) -> str:
    """Return the expression of a pair's level: 0 unknown, 1 the best, …, the last is `else`."""
    cases = "".join(
        f" when {of_pair(level.condition)} then {number}" for number, level in enumerate(comparison.levels, 1)
    )
    return f"case when {of_pair(comparison.unknown)} then 0{cases} else {len(comparison.levels) + 1} end"
