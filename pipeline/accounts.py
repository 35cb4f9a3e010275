"""The release report: each figure from landing to marts beside the one that it must equal, to the cent."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipeline.duck import connect, quote_literal
from pipeline.files import write_text
from pipeline.releases import attach_read_only
from pipeline.settings import Settings

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


@dataclass(frozen=True)
class Account:
    """Two figures that must be equal: of what, and where each stands. `left` and `right` are scalar SQL."""

    subject: str
    left_is: str
    left: str
    right_is: str
    right: str


@dataclass(frozen=True)
class Line:
    """An account with its two figures."""

    account: Account
    left: Decimal
    right: Decimal

    @property
    def difference(self) -> Decimal:
        """Left less right."""
        return self.left - self.right


def total(expression: str, table: str, condition: str = "true") -> str:
    """SQL for the sum over a table; zero where it is empty."""
    return f"(select coalesce(sum({expression}), 0) from {table} where {condition})"


def accounts() -> list[Account]:
    """All accounts, in the order in which the rows flow."""
    return [*_rows(), *_sales(), *_refunds(), *_costs(), *_counts()]


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
                f"core.{fact}",
                total("1", f"core.{fact}"),
            ),
        ]
    return found


def _sales() -> list[Account]:
    known = f"order_date <= getvariable('as_of') and {KNOWN} and customer_id <> 'unknown'"
    found = []
    for subject, expression, in_months in (
        ("sales and fees", "net_amount", True),
        ("discounts", DISCOUNTS, True),
        ("tax", "tax_amount", False),
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
        Account("net sales", *_of("core.fct_order", "net_sales"), *_of(MONTHS, "net_sales")),
        Account(
            "net sales, known customers, as of the date",
            "core.fct_order",
            total("net_sales", "core.fct_order", known),
            *_of("marts.customer_360", "net_sales"),
        ),
    ]


def _refunds() -> list[Account]:
    return [
        Account(
            "returns, as booked",
            "current returns",
            total("refund_amount", "intermediate.int_returns__versions", "_is_current"),
            *_of(REFUNDS, "original_refund_amount"),
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


def balance_warehouse(settings: Settings, as_of: date) -> list[Line]:
    """Compute all accounts on the warehouse of a build."""
    with closing(connect()) as connection:
        attach_read_only(connection, settings.warehouse, "warehouse")
        connection.execute("use warehouse")
        connection.execute(f"set variable as_of = {quote_literal(str(as_of))}::date")
        return balance(connection)


def balance(connection: duckdb.DuckDBPyConnection) -> list[Line]:
    """Compute all accounts on an open warehouse (variable `as_of` set)."""
    listed = accounts()
    figures = ", ".join(f"cast({sql} as decimal(38, 4))" for account in listed for sql in (account.left, account.right))
    values: Sequence[Any] = connection.execute(f"select {figures}").fetchall()[0]
    return [Line(account, values[2 * number], values[2 * number + 1]) for number, account in enumerate(listed)]


def write_report(path: Path, heading: str, currency: str, lines: Sequence[Line]) -> None:
    """Write the report as Markdown."""
    rows = [
        f"| {line.account.subject} | {line.account.left_is} | {_figure(line.left)} | {line.account.right_is} "
        f"| {_figure(line.right)} | {_figure(line.difference)} |"
        for line in lines
    ]
    text = [
        f"# {heading}",
        "",
        f"{verdict(lines)} Amounts in {currency}. Each line sets two figures side by side that must be equal: the rows",
        "as they landed, the facts of `core`, the months of customers, the marts.",
        "",
        "| What | Here | Figure | There | Figure | Difference |",
        "|---|---|---:|---|---:|---:|",
        *rows,
    ]
    write_text(path, "\n".join(text) + "\n")


def verdict(lines: Sequence[Line]) -> str:
    """One sentence: how many accounts there are, and which do not balance."""
    wrong = sorted({line.account.subject for line in lines if line.difference})
    if wrong:
        return f"{len(lines)} accounts from landing to marts; these do not balance: {', '.join(wrong)}."
    return f"{len(lines)} accounts from landing to marts, and each balances to the cent."


def _figure(value: Decimal) -> str:
    digits = 0 if value == int(value) else (2 if value == round(value, 2) else 4)
    return f"{value:,.{digits}f}"
