"""Pairs of records that are, or might be, one customer, and the clusters that their links make.

All of it stays in DuckDB; only the clusters in trouble come to Python (`mining.identity.cuts`). Equal inputs give equal
rows, in any order of rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb

from mining.identity.cuts import APART, BRIDGE, BY_MODEL, BY_NUMBER, BY_VALUE, DECIDED, Limits, cut

if TYPE_CHECKING:  # a build without a model does without it, and without the time that its import takes
    import pyarrow as pa

RULES = ("decision", "number", "loyalty_id", "account", "email", "phone", "address", "model")
"""Why two records are linked, what says most first. A cluster that must be cut keeps its links in this order."""
SURETY = {
    "decision": DECIDED,
    **dict.fromkeys(("number", "loyalty_id", "account"), BY_NUMBER),
    "model": BY_MODEL,
}
SAME, NEVER = "same", "never"
LIMITS = Limits()
PAIR = {
    "source_record_key": "varchar",
    "other_record_key": "varchar",
    "match_rule": "varchar",
    "match_weight": "double",
    "evidence": "varchar",
    "verdict": "varchar",
    "reason": "varchar",
    "model_version": "varchar",
}
"""A pair of records and what links them, or does not. `source_record_key` is the smaller one.

verdict: `link`; `never`, by a decision; `cut`, a link that a cluster in trouble had to give up; `review`, which waits
for a person; `vetoed`, which contradicts itself. reason: of a cut, a review or a veto. match_weight: of a model, the
higher the surer. evidence: what the two share, separated by commas.
"""
HELD = dict.fromkeys(("source_record_key", "kind", "value"), "varchar")
"""Values of which a person has one, such as a birth date: no link of a model joins two that differ."""
NUMBERS = dict.fromkeys(("source_record_key", "other_record_key", "verdict", "reason"), "varchar")
DECISION = ("decision", "source_system", "source_customer_id", "other_source_system", "other_source_customer_id")

CANDIDATES = """
create or replace temp table identity_candidates as
with decided as (
    select distinct
        least(one.source_record_key, other.source_record_key) as source_record_key,
        greatest(one.source_record_key, other.source_record_key) as other_record_key,
        identity_decisions.decision
    from identity_decisions
    inner join identity_records as one using (source_system, source_customer_id)
    inner join identity_records as other
        on other_source_system = other.source_system and other_source_customer_id = other.source_customer_id
)
select
    source_record_key, other_record_key, match_rule, null::double as match_weight, match_rule as evidence,
    'link' as verdict, null::varchar as reason, null::varchar as model_version
from identity_links where source_record_key < other_record_key
union all
select
    least(source_record_key, other_record_key), greatest(source_record_key, other_record_key), 'number', null, 'number',
    verdict, reason, null
from identity_numbers
union all
select
    source_record_key, other_record_key, 'decision', null, 'decision', if(decision = $same, 'link', 'never'),
    null, null
from decided
union all
select * from identity_scored
"""
# The smallest record that can be reached: exact for any graph.
COMPONENTS = """
create or replace temp table identity_components as
with recursive linked as materialized (
    select distinct source_record_key, other_record_key from identity_candidates where verdict = 'link'
),
nodes as materialized (select record_key, row_number() over (order by record_key) as node
    from (select source_record_key as record_key from linked union select other_record_key from linked)),
edges as materialized (
    select one.node, other.node as other_node
    from linked
    inner join nodes as one on source_record_key = one.record_key
    inner join nodes as other on other_record_key = other.record_key
),
numbered as materialized (
    select node as from_node, other_node as to_node from edges
    union all
    select other_node, node from edges
),
reached (node, component) using key (node) as (
    select from_node, least(from_node, min(to_node)) from numbered group by from_node
    union
    select numbered.to_node, min(reached.component)
    from reached
    inner join numbered on reached.node = numbered.from_node
    inner join recurring.reached as known on numbered.to_node = known.node
    where reached.component < known.component
    group by numbered.to_node
)
select nodes.record_key, smallest.record_key as cluster_key
from reached inner join nodes using (node) inner join nodes as smallest on reached.component = smallest.node
"""
# Clusters with two records that are never one customer; or with links of a model, and many records or two values.
IN_TROUBLE = """
create or replace temp table identity_in_trouble as
with apart as (
    select one.cluster_key
    from identity_candidates as candidates
    inner join identity_components as one on candidates.source_record_key = one.record_key
    inner join identity_components as other
        on candidates.other_record_key = other.record_key and one.cluster_key = other.cluster_key
    where candidates.verdict = 'never' or candidates.verdict = 'vetoed' and contains(candidates.reason, $apart)
),
modelled as materialized (
    select record_key, cluster_key from identity_components where cluster_key in (
        select cluster_key from identity_components where record_key in (
            select source_record_key from identity_candidates where verdict = 'link' and match_rule = 'model'
        )
    )
)
select cluster_key from apart
union
select cluster_key from modelled group by cluster_key having count(*) >= $suspicious
union
select modelled.cluster_key
from modelled inner join identity_held as held on modelled.record_key = held.source_record_key
group by modelled.cluster_key, held.kind having min(held.value) <> max(held.value)
"""
OF_TROUBLE = """
select source_record_key, other_record_key, match_rule, verdict, list_position($rules, match_rule) as rule_rank
from identity_candidates as candidates
inner join identity_components as components on candidates.source_record_key = components.record_key
where components.cluster_key in (from identity_in_trouble)
    and (verdict in ('link', 'never') or verdict = 'vetoed' and contains(reason, $apart))
order by rule_rank, match_weight desc nulls last, 1, 2
"""
HELD_IN_TROUBLE = """
select distinct source_record_key, kind, value
from identity_held inner join identity_components on source_record_key = record_key
where cluster_key in (from identity_in_trouble)
"""
# What is linked is in one cluster; a link between two was cut, or waits for a person. A record without links is a
# cluster of its own.
JUDGED = """
create or replace temp table identity_pairs as
with clusters as (
    select record_key, coalesce(identity_moved.cluster_key, identity_components.cluster_key) as cluster_key
    from identity_components left join identity_moved using (record_key)
),
placed as (
    select
        candidates.*,
        coalesce(one.cluster_key, candidates.source_record_key) as cluster_key,
        coalesce(other.cluster_key, candidates.other_record_key) as other_cluster_key
    from identity_candidates as candidates
    left join clusters as one on candidates.source_record_key = one.record_key
    left join clusters as other on candidates.other_record_key = other.record_key
)
select
    placed.* replace (
        case
            when verdict <> 'link' or cluster_key = other_cluster_key then verdict
            when refused.reason = $bridge then 'review'
            else 'cut'
        end as verdict,
        if(verdict = 'link' and cluster_key <> other_cluster_key, refused.reason, placed.reason) as reason
    ),
    list_position($rules, match_rule) as rule_rank
from placed left join identity_refused as refused using (source_record_key, other_record_key)
"""


def judged_pairs(
    connection: duckdb.DuckDBPyConnection,
    links: duckdb.DuckDBPyRelation,
    records: duckdb.DuckDBPyRelation,
    decisions: Sequence[Mapping[str, str]] = (),
    *,
    numbers: "duckdb.DuckDBPyRelation | pa.Table | None" = None,
    scored: "pa.Table | None" = None,
    held: "pa.Table | None" = None,
    limits: Limits = LIMITS,
) -> duckdb.DuckDBPyRelation:
    """Judge pairs of records: which are linked, and which cluster each record is in.

    Parameters
    ----------
    connection
        Where the relations are; temporary tables are made there.
    links
        By rules: source_record_key, other_record_key, match_rule; both directions, or the smaller key first.
    records
        source_record_key, source_system and source_customer_id of the records that decisions may name.
    decisions
        `DECISION` by people, at most one of a pair of records. Those about other records have no effect.
    numbers
        Pairs whose numbers in one source differ in leading zeros: source_record_key, other_record_key, verdict, reason.
    scored
        Pairs that a model judged, in the columns of `PAIR`, of the rule `model`.
    held
        Columns of `HELD`.
    limits
        Of the clusters that links of a model make.

    Returns
    -------
    duckdb.DuckDBPyRelation
        The columns of `PAIR`, cluster_key and other_cluster_key (a record of the cluster) and rule_rank, the place in
        `RULES` from 1.
    """
    rules = list(RULES)
    connection.register("identity_links", links)
    connection.register("identity_records", records)
    decided = ([decision[name] for name in DECISION] for decision in decisions)
    _fill(connection, "identity_decisions", dict.fromkeys(DECISION, "varchar"), decided)
    given = (
        ("identity_scored", scored, PAIR),
        ("identity_held", held, HELD),
        ("identity_numbers", numbers, NUMBERS),
    )
    for name, table, columns in given:
        if table is None:
            _fill(connection, f"{name}_given", columns, [])
        else:
            connection.register(f"{name}_given", table)
        connection.execute(f"create or replace temp view {name} as select {', '.join(columns)} from {name}_given")
    connection.execute(CANDIDATES, {"same": SAME})
    connection.execute(COMPONENTS)
    connection.execute(IN_TROUBLE, {"suspicious": limits.suspicious, "apart": APART})
    edges = connection.execute(OF_TROUBLE, {"rules": rules, "apart": APART}).fetchall()
    of_cluster, refused = cut(
        [(one, other, SURETY.get(rule, BY_VALUE)) for one, other, rule, verdict, _ in edges if verdict == "link"],
        never=[(one, other) for one, other, _, verdict, _ in edges if verdict == NEVER],
        apart=[(one, other) for one, other, _, verdict, _ in edges if verdict == "vetoed"],
        held=connection.execute(HELD_IN_TROUBLE).fetchall() if edges else [],
        limits=limits,
    )
    _fill(connection, "identity_moved", dict.fromkeys(("record_key", "cluster_key"), "varchar"), of_cluster.items())
    columns = dict.fromkeys(("source_record_key", "other_record_key", "reason"), "varchar")
    _fill(connection, "identity_refused", columns, ((*pair, reason) for pair, reason in refused.items()))
    connection.execute(JUDGED, {"rules": rules, "bridge": BRIDGE})
    return connection.sql("from identity_pairs")


def _fill(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[str]]
) -> None:
    """Make a temporary table of a few rows."""
    described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    connection.execute(f"create or replace temp table {name} ({described})")
    if listed := [list(row) for row in rows]:
        connection.execute(
            f"insert into {name} select {', '.join('unnest(?)' for _ in columns)}",
            list(map(list, zip(*listed, strict=True))),
        )
