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
    "word and birth date": "unnest(list_distinct(words)) || '|' || birth_date",
    "initials and phone begins": f"{INITIALS} || '|' || left(any_phone, 5)",
    "initials and phone ends": f"{INITIALS} || '|' || right(any_phone, 4)",
    "name and phone begins": "unnest(meant_keys) || '|' || left(any_phone, 5)",
    "name and phone ends": "unnest(meant_keys) || '|' || right(any_phone, 4)",
    "mailbox": "split_part(email, '@', 1)",
    "name and birth date": "unnest(meant_keys) || '|' || birth_date",
    "name and postcode": "unnest(meant_keys) || '|' || postcode",
    "name and house": "unnest(meant_keys) || '|' || street_number",
    "name and address": "unnest(meant_keys) || '|' || address",
}

# E-mail addresses that are a slip apart have an address in common that lacks one letter of each.
EMAILS = """
create or replace temp table emails as
select
    email,
    digits_of(email) as digits,
    row_number() over (order by email) as email_no
from (select distinct email from basis where email is not null and length(email) < 65)
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

KEY = "select record_no, hash('{name}', party, {value}) as key from {rows} where {needed}"
SLIP_KEYS = """
create or replace temp table slip_keys as
select basis.record_no, hash('email slip', party, one, other) as key
from email_slips inner join basis on basis.email = email_slips.one
union all
select basis.record_no, hash('email slip', party, one, other) as key
from email_slips inner join basis on basis.email = email_slips.other
"""
# Keys of a record follow from its own values; those of e-mail addresses a slip apart, from all addresses.
NEW_KEYS = """
create or replace temp table new_keys as
with keys as (
    {keys}
)

select * from keys where record_no in (select record_no from changed)
"""
# The keys of records that say what they said stand in `before`.
KEYS_NOW = """
create or replace temp table same as
select basis.record_no, before.keys, before.slip_keys
from before inner join basis on before.source_record_key = basis.source_record_key and before.print = basis.print;
create or replace temp view keys_now as
select record_no, key from new_keys
union all
select record_no, key from slip_keys
union all
select record_no, unnest(keys) as key from same
"""
# Where a key has begun or ceased to find pairs, those of its records are compared again. Only keys of records that are
# new, changed or gone can have, and those of e-mail addresses.
FOUND_OTHERWISE = """
insert into changed
with gone as (
    select before.keys, before.slip_keys
    from before
    anti join basis on before.source_record_key = basis.source_record_key and before.print = basis.print
),

touched as (
    select key from new_keys
    union
    select key from slip_keys
    union
    select unnest(keys || slip_keys) as key from gone
    union
    select unnest(slip_keys) as key from same
),

keys_before as (
    select record_no, unnest(keys || slip_keys) as key from same
    union all
    select null as record_no, unnest(keys || slip_keys) as key from gone
),

kept_before as (
    select keys_before.key from keys_before semi join touched on keys_before.key = touched.key
    group by keys_before.key having count(*) between 2 and {largest}
),

kept as (
    select keys_now.key from keys_now semi join touched on keys_now.key = touched.key
    group by keys_now.key having count(*) between 2 and {largest}
),

otherwise as (
    select coalesce(kept.key, kept_before.key) as key
    from kept full join kept_before on kept.key = kept_before.key
    where kept.key is null or kept_before.key is null
)

select record_no from keys_now semi join otherwise on keys_now.key = otherwise.key
union
select record_no from keys_before semi join otherwise on keys_before.key = otherwise.key
where record_no is not null
"""
BLOCKS = """
create or replace temp table blocks as
with wanted as (
    select distinct key from keys_now where record_no in (select record_no from changed)
),

keys as (
    select keys_now.* from keys_now semi join wanted on keys_now.key = wanted.key
),

kept as (
    select key from keys group by key having count(*) between 2 and {largest}
)

select keys.record_no, keys.key
from keys semi join kept on keys.key = kept.key
"""
PAIRS = """
create or replace temp table candidates as
select distinct
    one.record_no as record_no,
    other.record_no as other_no
from blocks as one
inner join blocks as other on one.key = other.key and one.record_no < other.record_no
where one.record_no in (select record_no from changed) or other.record_no in (select record_no from changed)
"""


def block(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of keys: `new_keys`, `slip_keys`, and `blocks`, keys of changed records that few others share.

    `fields` has at least the records in `changed`; the keys of the others are those in `before`. Records whose keys
    find other pairs than before are added to `changed`. A key is in `blocks` where two to `LARGEST_BLOCK` records have
    it.
    """
    connection.execute(EMAILS)
    connection.execute(CLOSE_EMAILS.format(largest=LARGEST_BLOCK))
    connection.execute(EMAIL_SLIPS)
    connection.execute(SLIP_KEYS)
    connection.execute(NEW_KEYS.format(keys=" union all ".join(_key(*key) for key in KEYS.items())))
    connection.execute(KEYS_NOW)
    if connection.execute("select 1 from before limit 1").fetchall():
        connection.execute(FOUND_OTHERWISE.format(largest=LARGEST_BLOCK))
    connection.execute(BLOCKS.format(largest=LARGEST_BLOCK))


def _key(name: str, value: str) -> str:
    if not value.startswith("unnest"):
        return KEY.format(name=name, value=value, rows="fields", needed=f"{value} is not null")
    each, rest = value.split(" || '|' || ")
    rows = f"(select record_no, party, {each} as name, {rest} as rest from fields where {rest} is not null)"
    return KEY.format(name=name, value="name, rest", rows=rows, needed="true")


def pair(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `candidates` (record_no < other_no) of `blocks`: those of records in `changed`."""
    connection.execute(PAIRS)
