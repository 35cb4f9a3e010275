"""Which pairs of records are compared: those that share a key which few records share.

A link needs two pieces of evidence (`evidence.py`), so keys are values that identify by themselves, or two pieces
together. Phone prefixes or names alone would compare hundreds of millions of pairs of a million records.
"""

import duckdb

LARGEST_BLOCK = 20
"""Records of one key; a key of more is left out. 20 records are 190 pairs."""

INITIALS = "array_to_string(list_sort(first_letters), '')"
KEYS = {
    "email": "email",
    "phone": "phone",
    "loyalty_id": "loyalty_id",
    "address": "address || '|' || coalesce(postcode, '')",
    "birth date and postcode": "birth_date || '|' || postcode",
    "birth date and street": "birth_date || '|' || address",
    "house and postcode": "street_number || '|' || postcode",
    "initials and birth date": f"{INITIALS} || '|' || birth_date",
    "initials and postcode": f"{INITIALS} || '|' || postcode",
    "initials and address": f"{INITIALS} || '|' || address",
    "word and birth date": "unnest(words) || '|' || birth_date",
    "name and birth date": "unnest(name_keys) || '|' || birth_date",
    "name and postcode": "unnest(name_keys) || '|' || postcode",
    "name and address": "unnest(name_keys) || '|' || address",
}

# E-mail addresses that are a slip apart have an address in common that lacks one letter of each.
EMAILS = """
create or replace temp table emails as
select
    email,
    digits_of(email) as digits,
    row_number() over (order by email) as email_no
from (select distinct email from fields where email is not null and length(email) < 65)
"""
CLOSE_EMAILS = """
create or replace temp table close_emails as
with shortened as (
    select distinct
        email_no,
        hash(left(email, i - 1) || substr(email, i + 1)) as key
    from (select email_no, email, unnest(range(1, instr(email, '@'))) as i from emails)
    union all
    select email_no, hash(email) as key from emails
),

shared as (
    select key from shortened group by key having count(*) between 2 and {largest}
),

close as (
    select shortened.* from shortened semi join shared on shortened.key = shared.key
)

select distinct one.email_no as one_no, other.email_no as other_no
from close as one inner join close as other on one.key = other.key and one.email_no < other.email_no
"""
EMAIL_SLIPS = """
create or replace temp table email_slips as
with first_found as materialized (
    select emails.email as one, emails.digits, close_emails.other_no
    from close_emails inner join emails on close_emails.one_no = emails.email_no
),

both_found as materialized (
    select first_found.one, emails.email as other, first_found.digits = emails.digits as are_digits_equal
    from first_found inner join emails on first_found.other_no = emails.email_no
)

select one, other from both_found
where are_digits_equal and is_slip(one, other, 6)
"""

BLOCKS = """
create or replace temp table blocks as
with keys as (
    {keys}
),

kept as (
    select key from keys group by key having count(*) between 2 and {largest}
)

select distinct keys.record_no, keys.key
from keys semi join kept on keys.key = kept.key
"""
KEY = "select record_no, hash('{name}', party, {value}) as key from {rows} where {needed}"
SLIP_KEYS = """
select fields.record_no, hash('email slip', party, one, other) as key
from email_slips inner join fields on fields.email = email_slips.one
union all
select fields.record_no, hash('email slip', party, one, other) as key
from email_slips inner join fields on fields.email = email_slips.other
"""
PAIRS = """
create or replace temp table candidates as
select distinct
    one.record_no as record_no,
    other.record_no as other_no
from blocks as one
inner join blocks as other on one.key = other.key and one.record_no < other.record_no
{changed}
"""
CHANGED = "where one.record_no in (select record_no from changed) or other.record_no in (select record_no from changed)"


def block(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `blocks` (record_no, key) from `fields`: keys that two to `LARGEST_BLOCK` records share."""
    connection.execute(EMAILS)
    connection.execute(CLOSE_EMAILS.format(largest=LARGEST_BLOCK))
    connection.execute(EMAIL_SLIPS)
    keys = [_key(name, value) for name, value in KEYS.items()]
    connection.execute(BLOCKS.format(keys=" union all ".join([*keys, SLIP_KEYS]), largest=LARGEST_BLOCK))


def _key(name: str, value: str) -> str:
    if not value.startswith("unnest"):
        return KEY.format(name=name, value=value, rows="fields", needed=f"{value} is not null")
    rest = value.rsplit(" || ", maxsplit=1)[-1]
    rows = f"(select record_no, party, unnest(name_keys) as name, {rest} as rest from fields where {rest} is not null)"
    return KEY.format(name=name, value="name, rest", rows=rows, needed="true")


def pair(connection: duckdb.DuckDBPyConnection, *, only_changed: bool = False) -> None:
    """Make the table `candidates` (record_no < other_no) of `blocks`; of records in `changed` with all, or of all."""
    connection.execute(PAIRS.format(changed=CHANGED if only_changed else ""))
