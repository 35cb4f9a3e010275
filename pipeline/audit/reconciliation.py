"""Accounts: each figure from landing to marts beside the one that it must equal, to the cent.

The gate computes them once, stops the release where one does not balance, and writes them as the report that the
release is published with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import pandas as pd

from pipeline.base.catalog import Table, Total, catalog, parse_sum, table
from pipeline.base.duck import quote_literal
from pipeline.base.files import write_text
from pipeline.base.numbers import currency_digits, exact_text

REPORT = "report.md"
# Rows of a fact that landed: those whom an exported list assigned have rows of the project's own.
OF_SOURCES = "source_system <> 'perennial'"
REFUNDS, RETURNED = "core.fct_return", "intermediate.int_returns__rows"
# Orders whose lines were all set aside, or deleted: there is nothing to make a fact of.
WITHOUT_LINES = """(
    select 1 from intermediate.int_orders__rows as orders where _is_current and not exists (
        select 1 from intermediate.int_order_lines__all as lines
        where lines.source_system = orders.source_system and lines.order_id = orders.order_id
    )
)"""


@dataclass(frozen=True)
class Sum:
    """The sum of an expression over the rows of a relation for which a condition holds; zero without rows."""

    expression: str
    relation: str
    condition: str = "true"


@dataclass(frozen=True)
class Account:
    """Two figures that must be equal: of what, where each stands, and the sums that it is made of."""

    subject: str
    left_is: str
    left: tuple[Sum, ...]
    right_is: str
    right: tuple[Sum, ...]


def accounts(refund_currencies: Sequence[str]) -> list[Account]:
    """All accounts, in the order in which the rows flow. Amounts as booked have one for each currency."""
    listed = [_of_total(each, total) for each in _in_order() for total in each.contract.totals if total.account]
    receipts = [account for account in listed if account.right_is.startswith("ops.")]
    others = [account for account in listed if account not in receipts]
    return [*receipts, *_rows_of_facts(), *_refunds(refund_currencies), *others]


def _in_order() -> list[Table]:
    """Tables with totals, each after those that its totals are compared with."""
    with_totals = {each.name: each.contract.totals for each in catalog().values() if each.contract.totals}
    others = {name: {other for total in totals for other in total.equals} for name, totals in with_totals.items()}
    order = TopologicalSorter({name: sorted(found - {name}) for name, found in others.items()}).static_order()
    return [table(name) for name in order if name in with_totals]


def _of_total(described: Table, total: Total) -> Account:
    """The account that a yml names: there the table, here what its total must equal."""
    there = Sum(parse_sum(total.total)[0], described.full_name, parse_sum(total.total)[1])
    here = []
    for name, expression in total.equals.items():
        other = table(name)
        summed, condition = parse_sum(other.with_measures(expression))
        if total.as_of:
            known = f"{other.contract.date} <= getvariable('as_of') and known_date <= getvariable('as_of')"
            condition = known if condition == "true" else f"({condition}) and {known}"
        here.append(Sum(summed, other.full_name, condition))
    return Account(
        subject=f"{total.account}, as of the date" if total.as_of else str(total.account),
        left_is=_places((table(name).full_name, parse_sum(sql)[1]) for name, sql in total.equals.items()),
        left=tuple(here),
        right_is=_places([(described.full_name, there.condition)]),
        right=(there,),
    )


def _places(sums: Iterable[tuple[str, str]]) -> str:
    """Tables and conditions, as the report shows them."""
    return ", ".join(name if condition == "true" else f"{name} where {condition}" for name, condition in sums)


def _rows_of_facts() -> list[Account]:
    """Of each entity of which a current row is a row of a fact: what was accepted of it, and what is current."""
    found = []
    for fact in sorted(catalog().values(), key=lambda each: each.name != "fct_order"):
        entity = fact.contract.entity
        if entity is None:
            continue
        rows, accepted = table(f"int_{entity}__rows").full_name, "_fate = 'accepted'"
        there = (Sum("1", fact.full_name, OF_SOURCES if entity == "campaign_contacts" else "true"),)
        found += [
            Account(
                f"{entity} accepted",
                "landed rows with that fate",
                (Sum("landed_rows", "ops.row_fates", f"entity = '{entity}' and fate = 'accepted'"),),
                "versions, without derived ones",
                (Sum("1", rows, f"{accepted} and not _is_derived"),),
            ),
            Account(
                f"{entity} current",
                "accepted less earlier versions and deletions",
                (Sum("1", rows, accepted), Sum("-1", rows, f"{accepted} and not _is_current")),
                f"{fact.full_name}, and orders without a line" if entity == "orders" else fact.full_name,
                (*there, Sum("1", WITHOUT_LINES)) if entity == "orders" else there,
            ),
        ]
    return found


def _refunds(currencies: Sequence[str]) -> list[Account]:
    return [
        Account(
            f"returns, as booked in {currency}",
            "current returns",
            (Sum("refund_amount", RETURNED, f"_is_current and {_booked_in(currency)}"),),
            REFUNDS,
            (Sum("original_refund_amount", REFUNDS, f"original_currency = {quote_literal(currency)}"),),
        )
        for currency in currencies
    ]


def _booked_in(currency: str) -> str:
    """A landed row that names no currency is in the reporting currency."""
    return f"coalesce(currency, getvariable('reporting_currency')) = {quote_literal(currency)}"


def _refund_currencies(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        f"select original_currency from {REFUNDS} union"
        f" select coalesce(currency, getvariable('reporting_currency')) from {RETURNED} where _is_current"
    ).fetchall()
    return sorted(currency for (currency,) in rows if currency)


def balance(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Compute all accounts on an open warehouse (variable `as_of` set).

    Returns
    -------
    DataFrame
        One row per account, as texts: what it is of, where each of its two figures stands, the figures, and their
        difference, which is '0' where they balance.
    """
    (currency,) = connection.execute("select max(currency) from marts.release").fetchall()[0]
    connection.execute("set variable reporting_currency = $1", [currency])
    digits = 0, currency_digits(currency)
    listed = accounts(_refund_currencies(connection))
    values = _values(connection, {each for account in listed for each in (*account.left, *account.right)})
    rows = []
    for account in listed:
        left, right = (sum((values[each] for each in side), Decimal(0)) for side in (account.left, account.right))
        rows.append(
            {
                "account": account.subject,
                "here": account.left_is,
                "figure_here": exact_text(left, *digits),
                "there": account.right_is,
                "figure_there": exact_text(right, *digits),
                "difference": exact_text(left - right, *digits),
            }
        )
    return pd.DataFrame(rows)


def _values(connection: duckdb.DuckDBPyConnection, sums: set[Sum]) -> dict[Sum, Decimal]:
    """Compute sums, with one scan of each relation."""
    by_relation: dict[str, list[Sum]] = {}
    for each in sorted(sums, key=lambda each: (each.relation, each.expression, each.condition)):
        by_relation.setdefault(each.relation, []).append(each)
    found: dict[Sum, Decimal] = {}
    for relation, listed in by_relation.items():
        figures = ", ".join(
            f"cast(coalesce(sum({each.expression}) filter ({each.condition}), 0) as decimal(38, 4))" for each in listed
        )
        found |= dict(zip(listed, connection.execute(f"select {figures} from {relation}").fetchall()[0], strict=True))
    return found


def write_report(
    path: Path, release_id: str, currency: str, accounts: pd.DataFrame, models: Sequence[tuple[str, str]] = ()
) -> None:
    """Write the report of a release as Markdown; `models` are jobs, with what is said of their models."""
    text = [
        f"# Release {release_id}",
        "",
        f"{verdict(accounts)} Amounts are in {currency}, unless the line names another currency.",
        "",
        "Each line sets two figures side by side that must be equal: the rows as they landed, the facts of `core`, the",
        "months of customers, the marts.",
        "",
        "| What | Here | Figure | There | Figure | Difference |",
        "|---|---|---:|---|---:|---:|",
        *(f"| {' | '.join(row)} |" for row in accounts.itertuples(index=False, name=None)),
    ]
    if models:
        text += ["", "## Models", "", *(f"- {job}: {said}" for job, said in models)]
    write_text(path, "\n".join(text) + "\n")


def verdict(accounts: pd.DataFrame) -> str:
    """One sentence: how many accounts there are, and which do not balance."""
    wrong = sorted(set(accounts.loc[accounts["difference"] != "0", "account"]))
    if wrong:
        return f"{len(accounts)} accounts from landing to marts; these do not balance: {', '.join(wrong)}."
    return f"{len(accounts)} accounts from landing to marts, and each balances to the cent."
