"""Why the main amounts differ: each key that differs has one cause, so that causes sum to the difference."""

from typing import Any

import duckdb

from pipeline.base.catalog import Table, catalog, input_contract
from pipeline.serving.diff.tables import OF_THE_RELEASE, differs, in_both

CAUSES = {
    "new_period": "new rows of the period",
    "late": "late rows",
    "correction": "corrections",
    "deletion": "deletions",
    "identity": "identity change",
    "model": "another model",
    "settings": "other settings",
    "sources": "other sources",
    "code": "another code version",
    "derived": "restated through other rows",
}
# What a fact takes from other tables, beside its relations: a change of these alone is no correction of the row.
FROM_OTHER_TABLES = frozenset({"cost_amount", "known_date"})
# Relations to these are values of the row itself.
OF_VALUES = ("dim_channel", "dim_date")


# Amounts made of the measures of facts (config.meta of their ymls): name, {part: sign}.
COMPOSED = {
    "margin": {"net_sales": 1, "refunds": -1, "recovered": 1, "cost_of_goods": -1},
    "clv_historic_facts": {"historic_lines": 1, "historic_refunds": -1, "historic_costs": -1},
}
SHOWN = (
    *("customers", "purchases", "net_sales", "refunds", "recovered", "cost_of_goods", "margin", "costs"),
    *("contacts", "cases", "survey_responses", "web_sessions", "clv_historic", "clv_future", "clv_total"),
)

# Each release as it saw itself: its date, code and sources; which sources landed anything since.
RELEASES = """
create temp table releases as
select a.as_of_date as as_of_a, b.as_of_date as as_of_b,
    a.code_version is distinct from b.code_version as is_other_code,
    string_split(a.sources, ',') as sources_a, string_split(b.sources, ',') as sources_b
from a.marts.release as a, b.marts.release as b;
create temp table new_loads as
select distinct source as source_system from b.ops.load_receipts as b
where not exists (
    select 1 from a.ops.load_receipts as a
    where (a.source, a.table_name, a.interval, a.content_hash) = (b.source, b.table_name, b.interval, b.content_hash)
);
create temp table sums (
    measure varchar, cause varchar, a decimal(38, 4), b decimal(38, 4), changed_rows bigint, moved decimal(38, 4)
);
create temp table causes_of_customers (customer_id varchar, cause varchar);
"""

# A row counts in a release when it had happened and was known by the release's as-of date, as in its marts.
FACT = """
create or replace temp table paired as
with a as (select *, {date} as day from a.core.{table}),
b as (select *, {date} as day from b.core.{table}),
paired as (
    select
        coalesce(b.source_system, a.source_system) as source_system,
        a.customer_id as customer_a, b.customer_id as customer_b,
        a.{key} is not null and a.day <= as_of_a and coalesce(a.known_date, a.day) <= as_of_a as is_in_a,
        b.{key} is not null and b.day <= as_of_b and coalesce(b.known_date, b.day) <= as_of_b as is_in_b,
        a.{key} is not null as is_there_a, b.{key} is not null as is_there_b,
        b.day as day_b, coalesce(b.known_date, b.day) as known_b, coalesce(a.known_date, a.day) as known_a,
        a.customer_id is distinct from b.customer_id as is_other_customer,
        {own_differs} as is_other_row, {any_differs} as is_other, {amounts}
    from a full join b on a.{key} = b.{key} cross join releases
),
counted as (
    select paired.*, releases.*, new_loads.source_system is not null as has_new_loads
    from paired cross join releases left join new_loads on paired.source_system = new_loads.source_system
    where is_in_a or is_in_b
)
select *,
    case
        when is_in_a and is_in_b and not is_other then null
        when is_in_a and not is_in_b and not list_contains(sources_b, source_system) then 'sources'
        when is_in_b and not is_in_a and not list_contains(sources_a, source_system) then 'sources'
        when is_in_b and not is_in_a and day_b > as_of_a then 'new_period'
        when is_in_b and not is_in_a and known_b > as_of_a then 'late'
        when is_in_b and not is_in_a and {is_shared_out} then 'derived'
        when is_in_b and not is_in_a and has_new_loads and not is_other_code then 'late'
        when is_in_a and not is_in_b and is_there_b then 'correction'
        when is_in_a and not is_in_b and {is_shared_out} then 'derived'
        when is_in_a and not is_in_b and has_new_loads then 'deletion'
        when is_in_a <> is_in_b then case when is_other_code then 'code' else 'derived' end
        when {changes_are_dated} and is_other_row and as_of_b > as_of_a then 'new_period'
        when known_b > as_of_a and known_b > known_a then 'correction'
        when is_other_row and has_new_loads and not is_other_code then 'correction'
        when is_other_customer then 'identity'
        when is_other_code then 'code'
        else 'derived'
    end as cause
from counted
"""
FACT_CUSTOMERS = """
insert into causes_of_customers
select distinct unnest([customer_a, customer_b]), cause from paired where cause is not null
"""
# A measure names columns, which cannot be bound. moved: what belongs to another customer than before.
SUM = """
insert into sums
select '{name}', cause, sum(case when is_in_a then {name}_a else 0 end),
    sum(case when is_in_b then {name}_b else 0 end), count(cause),
    sum(case when is_in_a and is_in_b and {is_moved} then {name}_b else 0 end)
from paired group by cause
"""
COMPOSE = """
insert into sums
select $measure, cause, sum(sign * a), sum(sign * b), null, sum(sign * moved) from sums
inner join (select unnest($parts) as part, unnest($signs) as sign) as parts on sums.measure = parts.part group by cause
"""

# Records that belong to another customer. A release of before ids had a history has today's rows alone.
MOVED = """
create temp table moved as
select a.customer_id as customer_a, b.customer_id as customer_b
from (from a.core.bridge_customer_source where {current_a}) as a
inner join (from b.core.bridge_customer_source where {current_b}) as b using (source_record_key)
where a.customer_id <> b.customer_id;
"""
IDENTITY = """
select count(*),
    count(distinct customer_a) filter (customer_a not in (select customer_id from b.core.dim_customer)),
    count(distinct customer_b) filter (customer_b not in (select customer_id from a.core.dim_customer))
from moved
"""
# A customer who is new to a release is a person seen for the first time, or known records under another id.
CUSTOMERS = """
insert into causes_of_customers select distinct unnest([customer_a, customer_b]), 'identity' from moved;
create temp table customers as
select
    coalesce(a.customer_id, b.customer_id) as customer_id, a.customer_id is not null as is_in_a,
    b.customer_id is not null as is_in_b, 1 as customers_a, 1 as customers_b,
    case
        when a.customer_id is not null and b.customer_id is not null then null
        when exists (select 1 from moved where coalesce(a.customer_id, b.customer_id) in (customer_a, customer_b))
            then 'identity'
        when a.customer_id is null and cast(seen.first_seen_at as date) > as_of_a then 'new_period'
        when a.customer_id is null and exists (
            select 1 from a.core.dim_customer as early where early.customer_id = b.customer_id
        ) then 'new_period'
        when is_other_code then 'code'
        when a.customer_id is null then 'late'
        else 'deletion'
    end as cause
from a.marts.customer_360 as a full join b.marts.customer_360 as b on a.customer_id = b.customer_id
left join b.core.dim_customer as seen on b.customer_id = seen.customer_id
cross join releases
"""
# Of several causes of one customer the one that says most counts; without any it is the as-of date that moved.
FUTURE = """
create temp table first_causes as
select customer_id, arg_min(
    cause, list_position(['identity', 'deletion', 'correction', 'late', 'sources', 'derived'], cause)
) as cause
from causes_of_customers where cause <> 'new_period' group by customer_id;
create or replace temp table paired as
select
    a.customer_id is not null as is_in_a, b.customer_id is not null as is_in_b,
    coalesce(a.clv_future, 0) as clv_future_a, coalesce(b.clv_future, 0) as clv_future_b,
    case
        when a.clv_future is not distinct from b.clv_future then null
        when customers.cause is not null then customers.cause
        when a.annual_discount_rate <> b.annual_discount_rate or a.horizon_days <> b.horizon_days then 'settings'
        when a.model_version is distinct from b.model_version
            and a.model_version is not null and b.model_version is not null then 'model'
        when is_other_code then 'code'
        when first_causes.cause is not null then first_causes.cause
        when as_of_a <> as_of_b then 'new_period'
        else 'derived'
    end as cause
from a.marts.customer_clv as a full join b.marts.customer_clv as b on a.customer_id = b.customer_id
left join customers on coalesce(a.customer_id, b.customer_id) = customers.customer_id
left join first_causes on coalesce(a.customer_id, b.customer_id) = first_causes.customer_id
cross join releases
"""
# History is what the facts say; what they do not explain goes to one cause, so that nothing is left over.
HISTORIC = """
insert into sums
with totals as (
    select (select coalesce(sum(clv_historic), 0) from a.marts.customer_clv) as a,
        (select coalesce(sum(clv_historic), 0) from b.marts.customer_clv) as b
),
facts as (select cause, a, b from sums where measure = 'clv_historic_facts'),
rest as (
    select case when is_other_code then 'code' else 'derived' end as cause, totals.a, totals.b,
        (select coalesce(sum(facts.a), 0) from facts) as facts_a,
        (select coalesce(sum(facts.b), 0) from facts) as facts_b
    from totals cross join releases
)
select 'clv_historic', cause, a, b, null, null from facts
union all
select 'clv_historic', case when a - facts_a = b - facts_b then null else cause end, a - facts_a, b - facts_b,
    null, null
from rest
"""
RESULT = """
select measure, cause, sum(a) as a, sum(b) as b, sum(changed_rows) as changed_rows,
    sum(moved) as moved
from sums group by measure, cause
"""


def attribute(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Main amounts of the attached releases `a` and `b`, and their difference by cause.

    Returns
    -------
    list of dict
        measure, a, b, difference, and causes: {cause: {amount, rows, moved}}; the amounts of the causes sum to the
        difference. moved: of rows that both have, what belongs to another customer than before; null of other measures.
    """
    connection.execute(RELEASES)
    connection.execute(MOVED.format(**{f"current_{side}": _current(connection, side) for side in ("a", "b")}))
    dated = _with_dated_changes()
    for fact in catalog().values():
        if fact.contract.measures:
            _pair(connection, fact, fact.contract.entity in dated)
    connection.execute(CUSTOMERS)
    connection.execute("create or replace temp table paired as select * from customers")
    connection.execute(SUM.format(name="customers", is_moved="null"))
    connection.execute(FUTURE)
    connection.execute(SUM.format(name="clv_future", is_moved="null"))
    for name, parts in COMPOSED.items():
        _compose(connection, name, parts)
    connection.execute(HISTORIC)
    _compose(connection, "clv_total", {"clv_historic": 1, "clv_future": 1})
    rows = connection.execute(RESULT).fetchall()
    return [_measure(name, [row[1:] for row in rows if row[0] == name]) for name in SHOWN]


def moved_records(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count what `attribute` has found to belong to another customer.

    Returns
    -------
    dict
        records; merged: customers of `a` whose id is another one's now; split: customers of `b` whose id is new.
    """
    counts = connection.execute(IDENTITY).fetchall()[0]
    return dict(zip(("records", "merged", "split"), counts, strict=True))


def _current(connection: duckdb.DuckDBPyConnection, side: str) -> str:
    """Return the condition of today's rows of the records of a release."""
    columns = _columns(connection, side, "bridge_customer_source")
    return "is_current" if "is_current" in columns else "true"


def _columns(connection: duckdb.DuckDBPyConnection, side: str, table: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() where database_name = $1 and schema_name = 'core'"
            " and table_name = $2 order by column_index",
            [side, table],
        ).fetchall()
    )


def _with_dated_changes() -> set[str]:
    """Entities whose rows change in their ordinary life, and say when."""
    return {name for name, spec in input_contract().items() if spec.get("changes_are_dated")}


def _pair(connection: duckdb.DuckDBPyConnection, fact: Table, changes_are_dated: bool) -> None:
    columns = [_columns(connection, side, fact.name) for side in ("a", "b")]
    common = [name for name in in_both(*columns) if name not in OF_THE_RELEASE]
    (key,) = fact.grain
    relations = (name for name, relation in fact.relations.items() if relation.to not in OF_VALUES)
    of_others = {*FROM_OTHER_TABLES, *relations}
    is_shared_out = fact.contract.is_shared_out
    own = [name for name in common if name not in of_others and not is_shared_out]
    amounts = [f"a.{name}_value as {name}_a, b.{name}_value as {name}_b" for name in fact.measures]
    values = ", ".join(f"{sql} as {name}_value" for name, sql in fact.measures.items())
    query = FACT.format(
        table=fact.name,
        key=key,
        date=f"{values}, {fact.contract.date}",
        own_differs=differs(own),
        any_differs=differs(common),
        amounts=", ".join(amounts),
        is_shared_out=str(is_shared_out).lower(),
        changes_are_dated=str(changes_are_dated).lower(),
    )
    connection.execute(query)
    connection.execute(FACT_CUSTOMERS)
    for name in fact.measures:
        connection.execute(SUM.format(name=name, is_moved="is_other_customer"))


def _compose(connection: duckdb.DuckDBPyConnection, name: str, parts: dict[str, int]) -> None:
    connection.execute(COMPOSE, {"measure": name, "parts": list(parts), "signs": list(parts.values())})


def _measure(name: str, rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    by_cause = {cause: {"amount": b - a, "rows": n, "moved": moved} for cause, a, b, n, moved in rows if cause}
    total_a, total_b = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return {
        "measure": name,
        "a": total_a,
        "b": total_b,
        "difference": total_b - total_a,
        "causes": {cause: by_cause[cause] for cause in CAUSES if cause in by_cause},
    }
