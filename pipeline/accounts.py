"""Accounts: each figure from landing to marts beside the one that it must equal, to the cent.

The gate computes them once, stops the release where one does not balance, and writes them as the report that the
release is published with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd

from pipeline.duck import quote_literal
from pipeline.files import write_text

REPORT = "report.md"
# Entities of which each current row is one row of a fact.
ROWS_OF_FACTS = {
    "orders": "fct_order",
    "returns": "fct_return",
    "payments": "fct_payment",
    "contacts": "fct_contact",
    "cases": "fct_case",
    "survey_responses": "fct_survey_response",
    "campaign_contacts": "fct_campaign_contact",
    "consents": "fct_consent",
    "subscriptions": "fct_subscription",
    "opportunities": "fct_opportunity",
    "costs": "fct_cost",
}
COUNTED_BY_MONTH = {"contacts": "fct_contact", "cases": "fct_case", "survey_responses": "fct_survey_response"}
KNOWN = "known_date <= getvariable('as_of')"
LINES, REFUNDS, MONTHS = "intermediate.int_order_lines__all", "core.fct_return", "core.fct_customer_month"
DISCOUNTS = "discount_amount + coupon_discount_amount"
RETURNED = "intermediate.int_returns__versions"
# Orders whose lines were all set aside, or deleted: there is nothing to make a fact of.
WITHOUT_LINES = (
    "(select count(*) from intermediate.int_orders__versions as orders where _is_current and not exists (select 1"
    f" from {LINES} as lines"
    " where lines.source_system = orders.source_system and lines.order_id = orders.order_id))"
)


@dataclass(frozen=True)
class Account:
    """Two figures that must be equal: of what, and where each stands. `left` and `right` are scalar SQL."""

    subject: str
    left_is: str
    left: str
    right_is: str
    right: str


def total(expression: str, table: str, condition: str = "true") -> str:
    """SQL for the sum over a table; zero where it is empty."""
    return f"(select coalesce(sum({expression}), 0) from {table} where {condition})"


def accounts(refund_currencies: Sequence[str]) -> list[Account]:
    """All accounts, in the order in which the rows flow. Amounts as booked have one for each currency."""
    return [*_rows(), *_sales(), *_refunds(refund_currencies), *_costs(), *_counts()]


def _rows() -> list[Account]:
    fates = ("accepted", "quarantined", "duplicates")
    found = [
        Account(
            "rows",
            "received",
            total("received", "ops.load_receipts"),
            "accepted, quarantined, duplicates",
            total(" + ".join(fates), "ops.load_receipts"),
        ),
        *(
            Account(
                f"rows {fate}",
                "ops.load_receipts",
                total(fate, "ops.load_receipts"),
                "ops.row_fates",
                total("landed_rows", "ops.row_fates", f"fate = '{fate.removesuffix('s')}'"),
            )
            for fate in fates
        ),
    ]
    for entity, fact in ROWS_OF_FACTS.items():
        versions = f"intermediate.int_{entity}__versions"
        accepted = total("1", versions, "_fate = 'accepted'")
        superseded = total("1", versions, "_fate = 'accepted' and not _is_current")
        found += [
            Account(
                f"{entity} accepted",
                "landed rows with that fate",
                total("landed_rows", "ops.row_fates", f"entity = '{entity}' and fate = 'accepted'"),
                "versions, without derived ones",
                total("1", versions, "_fate = 'accepted' and not _is_derived"),
            ),
            Account(
                f"{entity} current",
                "accepted less earlier versions and deletions",
                f"{accepted} - {superseded}",
                *_of_orders() if entity == "orders" else _of(f"core.{fact}", "1"),
            ),
        ]
    return found


def _of_orders() -> tuple[str, str]:
    return "core.fct_order, and orders without a line", f"{total('1', 'core.fct_order')} + {WITHOUT_LINES}"


def _sales() -> list[Account]:
    known = f"order_date <= getvariable('as_of') and {KNOWN} and customer_id <> 'unknown'"
    found = []
    for subject, expression, in_months in (
        ("sales and fees", "net_amount", True),
        ("discounts", DISCOUNTS, True),
        ("tax", "tax_amount", False),
        ("orders that are not paid or were cancelled", "unsold_amount", True),
    ):
        found += [
            Account(subject, "accepted lines", total(expression, LINES), *_of("core.fct_order_line", expression)),
            Account(
                subject,
                "core.fct_order_line, goods" if expression == DISCOUNTS else "core.fct_order_line",
                total(expression, "core.fct_order_line", "is_goods" if expression == DISCOUNTS else "true"),
                *_of("core.fct_order", expression),
            ),
        ]
        if in_months:
            found.append(Account(subject, *_of("core.fct_order", expression), *_of(MONTHS, expression)))
    return [
        *found,
        Account("order lines", *_of("core.fct_order_line", "1"), *_of("core.fct_order", "lines")),
        Account(
            "net sales",
            "core.fct_order_line, sales",
            total("net_amount", "core.fct_order_line", "is_sale"),
            *_of("core.fct_order", "net_sales"),
        ),
        Account("net sales", *_of("core.fct_order", "net_sales"), *_of(MONTHS, "net_sales")),
        Account(
            "net sales, known customers, as of the date",
            "core.fct_order",
            total("net_sales", "core.fct_order", known),
            *_of("marts.customer_360", "net_sales"),
        ),
    ]


def _refunds(currencies: Sequence[str]) -> list[Account]:
    return [
        *(
            Account(
                f"returns, as booked in {currency}",
                "current returns",
                total("refund_amount", RETURNED, f"_is_current and {_booked_in(currency)}"),
                REFUNDS,
                total("original_refund_amount", REFUNDS, f"original_currency = {quote_literal(currency)}"),
            )
            for currency in currencies
        ),
        Account(
            "refunds without tax",
            *_of(REFUNDS, "refund_amount"),
            *_of(MONTHS, "refund_amount + other_refund_amount"),
        ),
    ]


def _costs() -> list[Account]:
    kinds = ("acquisition", "selling", "service", "retention")
    known = f"cost_date <= getvariable('as_of') and {KNOWN}"
    orders = total("net_amount", "core.fct_order", f"order_date <= getvariable('as_of') and {KNOWN}")
    returned = f"return_date <= getvariable('as_of') and {KNOWN}"
    refunds = total(
        "refund_amount - case when is_sale then coalesce(recovered_amount, 0) else 0 end", REFUNDS, returned
    )
    return [
        Account(
            "booked costs",
            *_of("core.fct_cost", "amount"),
            "core.fct_cost_allocation, booked",
            total("amount", "core.fct_cost_allocation", "source = 'booked'"),
        ),
        Account(
            "costs",
            *_of("core.fct_cost_allocation", "amount"),
            *_of(MONTHS, " + ".join(f"coalesce({kind}_cost, 0)" for kind in kinds)),
        ),
        Account(
            "sales less refunds and costs, as of the date",
            "core facts",
            f"{orders} - {refunds} - {total('amount', 'core.fct_cost_allocation', known)}",
            "marts.clv_statement, historic, before cost of goods",
            total("amount", "marts.clv_statement", "part = 'historic' and line <> 'cost_of_goods'"),
        ),
        Account(
            "lifetime value",
            *_of("marts.customer_clv", "clv_total"),
            "marts.clv_statement, known customers",
            total("amount", "marts.clv_statement", "customer_id <> 'unknown'"),
        ),
    ]


def _counts() -> list[Account]:
    customers = total("1", "marts.customer_360")
    return [
        *(Account(name, *_of(f"core.{fact}", "1"), *_of(MONTHS, name)) for name, fact in COUNTED_BY_MONTH.items()),
        *(
            Account("customers", "marts.customer_360", customers, *_of(f"marts.{mart}", "1"))
            for mart in ("customer_segments", "customer_clv", "customer_churn")
        ),
    ]


def _of(table: str, expression: str) -> tuple[str, str]:
    return table, total(expression, table)


def _booked_in(currency: str) -> str:
    """A landed row that names no currency is in the reporting currency."""
    return f"coalesce(currency, (select max(currency) from marts.release)) = {quote_literal(currency)}"


def _refund_currencies(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        f"select original_currency from {REFUNDS} union"
        f" select coalesce(currency, (select max(currency) from marts.release)) from {RETURNED} where _is_current"
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
    listed = accounts(_refund_currencies(connection))
    figures = ", ".join(f"cast({sql} as decimal(38, 4))" for account in listed for sql in (account.left, account.right))
    values: Sequence[Decimal] = connection.execute(f"select {figures}").fetchall()[0]
    return pd.DataFrame(
        {
            "account": account.subject,
            "here": account.left_is,
            "figure_here": _figure(left),
            "there": account.right_is,
            "figure_there": _figure(right),
            "difference": _figure(left - right),
        }
        for account, left, right in zip(listed, values[::2], values[1::2], strict=True)
    )


def write_report(path: Path, release_id: str, currency: str, accounts: pd.DataFrame) -> None:
    """Write the report of a release as Markdown."""
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
    write_text(path, "\n".join(text) + "\n")


def verdict(accounts: pd.DataFrame) -> str:
    """One sentence: how many accounts there are, and which do not balance."""
    wrong = sorted(set(accounts.loc[accounts["difference"] != "0", "account"]))
    if wrong:
        return f"{len(accounts)} accounts from landing to marts; these do not balance: {', '.join(wrong)}."
    return f"{len(accounts)} accounts from landing to marts, and each balances to the cent."


def _figure(value: Decimal) -> str:
    digits = 0 if value == int(value) else (2 if value == round(value, 2) else 4)
    return f"{value:,.{digits}f}"
