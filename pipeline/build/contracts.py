"""What the yml of a model or seed says of its table (`config.meta`, pipeline/base/catalog.py), as SQL.

dbt asks it in one query when it has made the table (dbt_project/macros/keep_contract.sql). The gate checks what reaches
beyond a table: keys of published tables, relations, and totals with an account (expectations/README.md).
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping

from pipeline.base.catalog import Table, Total, catalog, parse_sum, seeds
from pipeline.base.duck import quote_literal

# A rule: SQL for one number over the table, which is 0 where the rule holds, and what that number counts.
Rule = tuple[str, str]


def contract_rules(as_of: dt.date, prefix: str = "") -> dict[str, list[list[str]]]:
    """Return the rules of each table that has some, by the name of its model or seed.

    Parameters
    ----------
    as_of
        The as-of date of the build: of totals that are known by it.
    prefix
        What the names of the schemas begin with where they are built (pipeline/build/spark/server.py), also in
        expressions of the ymls that read another table.
    """
    tables = {**catalog(), **seeds()}
    named = re.compile(rf"(?<![\w.])(?:{'|'.join(re.escape(each.full_name) for each in tables.values())})(?!\w)")
    found = {
        name: [[named.sub(rf"{prefix}\g<0>", sql), counted] for sql, counted in rules_of(each, tables, as_of)]
        for name, each in tables.items()
    }
    return {name: rules for name, rules in sorted(found.items()) if rules}


def rules_of(table: Table, tables: Mapping[str, Table], as_of: dt.date) -> Iterator[Rule]:
    """Return what is asked of a table.

    A total without an account must equal sums over models that this one is made from, so that they are there before it.
    """
    if not table.is_published:
        for key in table.keys:
            yield _bad_keys(table, key), f"keys that are null or there twice, {', '.join(key)}"
    for condition, counted in _conditions(table):
        yield f"coalesce(sum(case when coalesce({condition}, false) then 0 else 1 end), 0)", counted
    for total in table.contract.totals:
        if not total.account:
            sums = [_sum_of(table, total.total)]
            for name, expression in total.equals.items():
                sums.append(_sum_of(tables[name], expression, _known(tables[name], total, as_of)))
            yield " - ".join(sums), f"total of {total.total} less that of {', '.join(total.equals)}"


def _bad_keys(table: Table, key: tuple[str, ...]) -> str:
    columns, missing = ", ".join(key), " or ".join(f"{column} is null" for column in key)
    groups = f"select {columns} from {table.full_name} group by {columns} having count(*) > 1 or {missing}"
    return f"(select count(*) from ({groups}) as bad_keys)"


def _conditions(table: Table) -> Iterator[Rule]:
    """What must hold in each row, and what a row is in which it does not. Null does not hold."""
    for column in table.contract.required:
        yield f"{column} is not null", f"rows without {column}"
    for column, values in table.contract.values.items():
        listed = ", ".join(map(quote_literal, values))
        yield f"{column} is null or {column} in ({listed})", f"rows in which {column} is none of {', '.join(values)}"
    for identity in table.contract.identities:
        yield identity, f"rows in which this does not hold, {identity}"


def _sum_of(table: Table, expression: str, known: str = "true") -> str:
    summed, condition = parse_sum(table.with_measures(expression))
    return f"(select coalesce(sum({summed}), 0) from {table.full_name} where ({condition}) and {known})"


def _known(table: Table, total: Total, as_of: dt.date) -> str:
    """Which rows of a fact had happened, and were known, on the as-of date; all of them, where that does not matter."""
    day = f"date '{as_of}'"
    return f"{table.contract.date} <= {day} and known_date <= {day}" if total.as_of else "true"
