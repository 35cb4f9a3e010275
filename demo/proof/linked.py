"""Pairs of records: which are one person, which the warehouse put together, and what speaks for it by the truth.

The truth is what each record says (`truth/says`, without fillers), so nothing here depends on how the warehouse reads,
compares or standardises a value.
"""

from typing import NamedTuple

import duckdb
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# One row per record that is published, with its person, its customer, and its customer by the rules alone.
RECORDS = """
    create or replace temp table known_records as
    select
        row_number() over (order by records.source_system, records.source_customer_id) - 1 as n,
        records.source_system, cast(records.source_customer_id as varchar) as source_customer_id, records.person_id,
        ids.customer_id, persons.is_twin, persons.is_chinese, persons.has_two_names,
        count(*) over (partition by persons.household_id) > count(*) over (partition by records.person_id) as has_family
    from truth.records as records
    inner join truth.persons as persons using (person_id)
    inner join contacts.customer_source_id as ids
        on records.source_system = ids.source_system
        and cast(records.source_customer_id as varchar) = ids.source_customer_id
"""
RULE_LINKS = """
    select one.n as one, other.n as other
    from {links} as links
    inner join known_records as one on links.source_record_key = md5(one.source_system || '|' || one.source_customer_id)
    inner join known_records as other
        on links.other_record_key = md5(other.source_system || '|' || other.source_customer_id)
    where links.source_record_key < links.other_record_key
"""
SAME_CUSTOMER = "select min(n) over (partition by customer_id) as one, n as other from known_records"
# A slip of the finger: a letter left out or doubled, two swapped. A wrong letter is no slip.
SLIP = """
    create or replace temp macro is_slip(a, b) as damerau_levenshtein(a, b) = 1
        and (length(a) <> length(b) or list_sort(string_split(a, '')) = list_sort(string_split(b, '')))
"""
# What the records of one person have in common. A record may have several versions: any of them counts.
PIECES = """
    create or replace temp table own_pairs as
    with said as (
        select n, person_id, says.* exclude (source_system, source_customer_id), given <> 'company' as is_name,
            given = 'nickname' and has_two_names as is_second_name,
            -- One syllable of a given name of two is not the full name.
            given = 'nickname' and is_chinese and not has_two_names as is_short
        from known_records inner join truth.says as says using (source_system, source_customer_id)
    ),
    compared as (
        select
            a.n as one, b.n as other,
            a.email = b.email or is_slip(a.email, b.email) as email,
            a.phone = b.phone or is_slip(a.phone, b.phone) as phone,
            a.loyalty = b.loyalty as loyalty, a.born = b.born as born,
            a.street = b.street and a.postcode = b.postcode as address,
            a.is_name and b.is_name and a.is_second_name = b.is_second_name and a.is_short = b.is_short
                and (a.family = 'married') = (b.family = 'married')
                and (a.family <> 'typo' or b.family <> 'typo') and (a.given <> 'typo' or b.given <> 'typo')
                as full_name,
            a.is_name and b.is_name and a.is_second_name <> b.is_second_name as has_two_given_names
        from said as a inner join said as b on a.person_id = b.person_id and a.n < b.n
    )
    select one, other, bool_and(has_two_given_names) as has_two_given_names,
        cast(coalesce(bool_or(email), false) as int) + cast(coalesce(bool_or(phone), false) as int)
            + cast(coalesce(bool_or(loyalty), false) as int) + cast(coalesce(bool_or(born), false) as int)
            + cast(coalesce(bool_or(address), false) as int) + cast(bool_or(full_name) as int) as pieces
    from compared group by one, other
"""
# The kinds of records that are hard to tell apart, and a condition for each.
STRATA = {
    "twins": "is_twin",
    "couples": "has_family",
    "shared e-mail or phone": "has_shared_value",
    "no e-mail, no phone": "has_no_contact",
    "typing errors in the name": "has_typo",
    "a second given name": "has_second_name",
}
FLAGS = """
    create or replace temp table flagged_records as
    with said as (
        select n, person_id, says.* exclude (source_system, source_customer_id)
        from known_records inner join truth.says as says using (source_system, source_customer_id)
    ),
    held as (
        select n, person_id, 'e' || email as held from said where email is not null
        union select n, person_id, 'p' || phone from said where phone is not null
    ),
    shared as (
        select distinct n from held where held in (
            select held from held group by held having count(distinct person_id) > 1)
    )
    select n, customer_id, rules_id, records.person_id, is_twin, has_family, n in (from shared) as has_shared_value,
        bool_and(said.email is null and said.phone is null) as has_no_contact,
        bool_or(said.given = 'typo' or said.family = 'typo') as has_typo,
        bool_or(said.given = 'nickname' and has_two_names) as has_second_name
    from known_records as records inner join rule_groups using (n) inner join said using (n)
    group by all
"""
TOGETHER = f"""
    create or replace temp table together as
    select
        a.person_id = b.person_id as is_right, a.rules_id = b.rules_id as is_by_rules,
        {", ".join(f"a.{flag} or b.{flag} as {flag}" for flag in STRATA.values())}
    from flagged_records as a inner join flagged_records as b on a.{{column}} = b.{{column}} and a.n < b.n
"""
REVIEWED = """
    select
        count(*) filter (one.person_id = other.person_id), count(*),
        len(list_distinct(flatten(list([one.n, other.n]))))
    from {review} as review
    inner join known_records as one
        on review.source_record_key = md5(one.source_system || '|' || one.source_customer_id)
    inner join known_records as other
        on review.other_record_key = md5(other.source_system || '|' || other.source_customer_id)
    where review.verdict = 'review'
"""


class Share(NamedTuple):
    """How many of how many; a sum over companies is a pooled share."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.hits / self.of if self.of else float("nan")

    def plus(self, other: "Share") -> "Share":
        """Return both, pooled."""
        return Share(self.hits + other.hits, self.of + other.of)


def count_shares(connection: duckdb.DuckDBPyConnection, links: str | None, review: str | None) -> dict[str, Share]:
    """Count what the warehouse put together rightly, and what it found.

    Parameters
    ----------
    connection
        Sees `truth` and `contacts.customer_source_id`.
    links
        The relation int_customer_links, the links by rules; None: the rules alone are what was published.
    review
        The relation identity_review; None where there is none.

    Returns
    -------
    dict of str to Share
        By measure; of the rules alone, "rules: " stands before its name.
    """
    for statement in (RECORDS, SLIP, PIECES):
        connection.execute(statement)
    (records,) = _ints(connection, "select count(*) from known_records")
    by_rules = RULE_LINKS.format(links=links) if links else SAME_CUSTOMER
    _add_groups(connection, "rule_groups", "rules_id", by_rules, records)
    reachable = "select one, other from own_pairs where pieces >= 2 and not has_two_given_names"
    _add_groups(connection, "reachable_groups", "reachable_id", reachable, records)
    connection.execute(FLAGS)
    found: dict[str, Share] = {}
    for name, column in (("rules: ", "rules_id"), ("", "customer_id")):
        connection.execute(TOGETHER.format(column=column))
        found |= {name + measure: share for measure, share in _precisions(connection, column).items()}
        found |= {name + measure: share for measure, share in _recalls(connection, column).items()}
    found["precision of added links"] = _share(connection, "is_right", "together where not is_by_rules")
    if review:
        right, pairs, waiting = _ints(connection, REVIEWED.format(review=review))
        found["reviewed pairs that are one person"] = Share(right, pairs)
        found["records in review"] = Share(waiting, records)
    return found


def _precisions(connection: duckdb.DuckDBPyConnection, column: str) -> dict[str, Share]:
    found = {"precision of links": _share(connection, "is_right", "together")}
    for name, flag in STRATA.items():
        found[f"precision of links, {name}"] = _share(connection, "is_right", f"together where {flag}")
    return found | {"B-cubed precision": _b_cubed(connection, column, "person_id")}


def _recalls(connection: duckdb.DuckDBPyConnection, column: str) -> dict[str, Share]:
    own = """own_pairs inner join flagged_records as a on own_pairs.one = a.n
        inner join flagged_records as b on own_pairs.other = b.n
        inner join reachable_groups as ra on own_pairs.one = ra.n inner join reachable_groups as rb on other = rb.n"""
    together = f"a.{column} = b.{column}"
    return {
        "recall of all pairs": _share(connection, together, own),
        "recall of reachable pairs": _share(
            connection, together, f"{own} where ra.reachable_id = rb.reachable_id and not has_two_given_names"
        ),
        "recall of contradicting given names": _share(
            connection, together, f"{own} where has_two_given_names and pieces >= 2"
        ),
        "B-cubed recall": _b_cubed(connection, "person_id", column),
    }


def _b_cubed(connection: duckdb.DuckDBPyConnection, group: str, other: str) -> Share:
    """Mean over records of the share of their group that is theirs (Bagga and Baldwin 1998), in millionths."""
    (sums, records) = _ints(
        connection,
        f"""
        select cast(round(1e6 * sum(size * size / whole)) as bigint), 1000000 * cast(sum(size) as bigint) from (
            select cast(count(*) as double) as size, sum(count(*)) over (partition by {group}) as whole
            from flagged_records group by {group}, {other}
        )
        """,
    )
    return Share(sums, records)


def _share(connection: duckdb.DuckDBPyConnection, condition: str, relation: str) -> Share:
    return Share(*_ints(connection, f"select count(*) filter ({condition}), count(*) from {relation}"))


def _ints(connection: duckdb.DuckDBPyConnection, query: str) -> list[int]:
    return [int(value or 0) for value in connection.execute(query).fetchall()[0]]


def _add_groups(connection: duckdb.DuckDBPyConnection, name: str, column: str, edges: str, records: int) -> None:
    """Make a table (n, column) of the connected components of edges between record numbers."""
    pairs = connection.execute(edges).fetchnumpy()
    one, other = (np.asarray(pairs[end], dtype=np.int64) for end in ("one", "other"))
    graph = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(records, records))
    labels = connected_components(graph, directed=False)[1].astype(np.int64) if records else np.zeros(0, np.int64)
    connection.register("incoming", {"n": np.arange(records), column: labels})
    connection.execute(f"create or replace temp table {name} as select * from incoming")
    connection.unregister("incoming")
