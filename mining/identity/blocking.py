"""Which pairs of records are compared: those that share a key which few records share.

A link needs two pieces of evidence (`evidence.py`), so keys are values that identify by themselves, or two pieces
together. Phone prefixes or names alone would compare hundreds of millions of pairs of a million records.
"""

import duckdb

LARGEST_BLOCK = 20
"""Records of one key; a key of more is left out. 20 records are 190 pairs."""

INITIALS = "array_to_string(list_sort(first_letters), '')"
BEGINNINGS = "list_distinct(list_transform(words, lambda word: left(word, 3)))"
KEYS = {
    "email": "email",
    "phone": "phone",
    "loyalty_id": "loyalty_id",
    "address": "address || '|' || coalesce(postcode, '')",
    "birth date and postcode": "birth_date || '|' || postcode",
    "birth date and house": "birth_date || '|' || street_number",
    "house and postcode": "street_number || '|' || postcode",
    "initials and birth date": f"{INITIALS} || '|' || birth_date",
    "initials and postcode": f"{INITIALS} || '|' || postcode",
    "initials and address": f"{INITIALS} || '|' || address",
    "word and birth date": f"unnest({BEGINNINGS}) || '|' || birth_date",
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

# E-mail addresses that are a slip apart have an address in common that lacks one letter of each, and the same digits.
# Of two addresses of which neither is new, it is known already.
EMAILS = """
create or replace temp table emails as
select
    email,
    hash(digits_of(email)) as digits,
    bool_or(record_no in (select record_no from changed)) as is_new,
    row_number() over () as email_no
from basis
where email is not null and length(email) < 65
group by email
"""
SHORTENED = """
create or replace temp table {name} as
with positions as (
    select *, unnest(range(1, instr(email, '@'))) as i from emails where {which}
),

keys as (
    select email_no, hash(left(email, i - 1) || substr(email, i + 1), digits) as key
    from positions
    where substr(email, i, 1) <> substr(email, i + 1, 1)  -- of equal letters, either one is left out
    union all
    select email_no, hash(email, digits) as key from emails where {which}
)

select email_no, key from keys where {wanted}
"""
CLOSE_EMAILS = """
create or replace temp table close_emails as
select distinct one.email_no as one_no, other.email_no as other_no
from shortened as one inner join {all} as other on one.key = other.key and one.email_no <> other.email_no
"""
EMAIL_SLIPS = """
create or replace temp table email_slips as
with first_found as materialized (
    select emails.email, close_emails.other_no
    from close_emails inner join emails on close_emails.one_no = emails.email_no
),

both_found as materialized (
    select distinct
        least(first_found.email, emails.email) as one,
        greatest(first_found.email, emails.email) as other
    from first_found inner join emails on first_found.other_no = emails.email_no
)

select one, other from both_found where is_slip(one, other, 6)
"""

KEY = "select record_no, hash('{name}', party, {value}) as key from {rows} where {needed}"
SLIP_KEYS = """
create or replace temp table slip_keys as
with keys as (
    select basis.record_no, basis.email, hash('email slip', party, one, other) as key
    from email_slips inner join basis on basis.email = email_slips.one
    union
    select basis.record_no, basis.email, hash('email slip', party, one, other)
    from email_slips inner join basis on basis.email = email_slips.other
    union
    select basis.record_no, basis.email, slip_keys.key
    from state.slip_keys inner join numbers using (state_no) inner join basis using (record_no)
),

-- The other address may be gone.
of_two as (
    select key from keys group by key having count(distinct email) = 2
)

select record_no, key from keys semi join of_two using (key)
"""
# Keys of a record follow from its own values; those of e-mail addresses a slip apart, from all addresses.
NEW_KEYS = """
create or replace temp table new_keys as
with keys as (
    {keys}
)

select * from keys where record_no in (select record_no from changed)
"""
# Where a key has begun or ceased to find pairs, those of its records are compared again. Only keys of records that are
# new, changed or gone can have, and those of e-mail addresses.
FOUND_OTHERWISE = """
insert into changed
with touched as (
    select key from new_keys
    union
    select key from slip_keys
    union
    select key from state.slip_keys
    union
    select key from state.keys where state_no in (select state_no from gone)
),

own_before as materialized (
    select state_no, key from state.keys where key in (select key from touched)
),

keys_before as materialized (
    select state_no, key from own_before
    union all
    select state_no, key from state.slip_keys
),

keys_now as materialized (
    select record_no, key from new_keys
    union all
    select record_no, key from slip_keys
    union all
    select record_no, key from own_before inner join numbers using (state_no)
),

kept_before as (
    select key from keys_before group by key having count(*) between 2 and {largest}
),

kept as (
    select key from keys_now group by key having count(*) between 2 and {largest}
),

otherwise as (
    select coalesce(kept.key, kept_before.key) as key
    from kept full join kept_before on kept.key = kept_before.key
    where kept.key is null or kept_before.key is null
)

select record_no from keys_now semi join otherwise using (key)
union
select record_no from keys_before semi join otherwise using (key) inner join numbers using (state_no)
"""
BLOCKS = """
create or replace temp table blocks as
with keys as (
    {keys}
),

kept as (
    select key from keys group by key having count(*) between 2 and {largest}
)

select keys.record_no, keys.key
from keys semi join kept on keys.key = kept.key
"""
ALL_KEYS = "select record_no, key from new_keys union all select record_no, key from slip_keys"
KEYS_OF_CHANGED = """
    with wanted as materialized (
        select key from new_keys
        union
        select key from slip_keys where record_no in (select record_no from changed)
        union
        select key from state.keys
        where state_no in (select state_no from numbers where record_no in (select record_no from changed))
    ),

    own as (
        select state_no, key from state.keys where key in (select key from wanted)
    )

    select record_no, key from new_keys
    union all
    select record_no, key from slip_keys where key in (select key from wanted)
    union all
    select record_no, key from own inner join numbers using (state_no)
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

    `fields` has at least the records in `changed`; the keys of the others are in `state` (`mining.identity.state`).
    Records whose keys find other pairs than before are added to `changed`. A key is in `blocks` where two to
    `LARGEST_BLOCK` records have it.
    """
    is_first = not connection.execute("select 1 from numbers limit 1").fetchall()
    _compare_emails(connection, is_first)
    connection.execute(SLIP_KEYS)
    connection.execute(NEW_KEYS.format(keys=" union all ".join(_key(*key) for key in KEYS.items())))
    if not is_first:
        connection.execute(FOUND_OTHERWISE.format(largest=LARGEST_BLOCK))
    connection.execute(BLOCKS.format(keys=ALL_KEYS if is_first else KEYS_OF_CHANGED, largest=LARGEST_BLOCK))


def _compare_emails(connection: duckdb.DuckDBPyConnection, is_first: bool) -> None:
    """Make the table `email_slips`, with at least the pairs of which one e-mail address is new."""
    connection.execute(EMAILS)
    connection.execute(SHORTENED.format(name="shortened", which="is_new", wanted="true"))
    if not is_first:
        shares_one = "key in (select key from shortened)"
        connection.execute(SHORTENED.format(name="all_shortened", which="true", wanted=shares_one))
    connection.execute(CLOSE_EMAILS.format(all="shortened" if is_first else "all_shortened"))
    connection.execute(EMAIL_SLIPS)
    connection.execute("drop table emails; drop table shortened; drop table if exists all_shortened")


def _key(name: str, value: str) -> str:
    if not value.startswith("unnest"):
        return KEY.format(name=name, value=value, rows="fields", needed=f"{value} is not null")
    each, rest = value.split(" || '|' || ")
    rows = f"(select record_no, party, {each} as name, {rest} as rest from fields where {rest} is not null)"
    return KEY.format(name=name, value="name, rest", rows=rows, needed="true")


def pair(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `candidates` (record_no < other_no) of `blocks`: those of records in `changed`."""
    connection.execute(PAIRS)
