"""The customer numbers of guests: 0 and the like, which many buyers share."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from pipeline.base.catalog import variables
from pipeline.base.duck import quote_literal
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.inspection.profile import Profile

# 0, 0.0, 000, -1, and an identifier of zeros only.
ZERO = "-1|-?0+([.]0+)?|0+(-0+)+"
PUNCTUATION = "[-?.*_]+"


@dataclass(frozen=True)
class Guests:
    """The rows of guests.

    Attributes
    ----------
    values
        What they have as their customer, as text.
    rows
        How many they are.
    contact, contacts
        The column that tells them apart, and how many different values of it they have; None: no column does.
    """

    values: list[str]
    rows: int
    contact: Profile | None
    contacts: int

    def none_instead(self, customer: Profile, value: str) -> str:
        """SQL of a customer's number, `value`, which is null for guests."""
        listed = ", ".join(sql.in_template(quote_literal(guest)) for guest in self.values)
        return f"case when {sql.in_template(_text(customer))} not in ({listed}) then {value} end"


def find_guests(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    customer: Profile,
    order: Profile | None,
    profiles: Sequence[Profile],
) -> Guests | None:
    """Return the rows whose customer is 0, or a word such as 'guest'. None where there are no such rows.

    They are strangers where their addresses, phones or names differ. Where no column has these, they are so many that
    no customer has more orders.
    """
    words = "|".join(variables()["identity"]["placeholder_words"])
    own = _text(customer)
    is_guest = f"regexp_full_match(lower({own}), {quote_literal(f'{ZERO}|{PUNCTUATION}|{words}')})"
    orders = f"count(distinct {sql.identifier(order.name)})" if order else "count(*)"
    contact = _contact(customer, profiles)
    different = f"count(distinct lower({_text(contact)}))" if contact else "0"
    query = f"""
        select coalesce(list(distinct {own} order by {own}), []), count(*), {orders}, {different}
        from {rows} where {is_guest}
    """
    values, number, of_guests, contacts = connection.execute(query).fetchall()[0]
    most = f"select coalesce(max(n), 0) from (select {orders} as n from {rows} where not {is_guest} group by {own})"
    is_shared = contacts > 1 if contact else of_guests > max(1, connection.execute(most).fetchall()[0][0])
    return Guests(values, number, contact, contacts) if is_shared else None


def _contact(customer: Profile, profiles: Sequence[Profile]) -> Profile | None:
    """The column that identifies a person best."""
    others = [profile for profile in profiles if profile != customer and not profile.is_empty]
    found = [profile for profile in others if profile.is_email] + [profile for profile in others if profile.is_phone]
    found += [p for p in others if {"customer", "name"} <= {*p.words} or {"first", "last"} & {*p.words}]
    return next(iter(found), None)


def _text(profile: Profile) -> str:
    name = sql.identifier(profile.name)
    return f"trim({name})" if profile.is_text else f"cast({name} as varchar)"
