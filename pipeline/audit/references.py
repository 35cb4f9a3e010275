"""References from published tables to each other, and how many rows point nowhere."""

from dataclasses import dataclass

import duckdb
import pandas as pd

from pipeline.duck import quote_literal

CUSTOMERS = ("core.dim_customer", "customer_id")
CUSTOMER_KEYS = ("core.dim_customer", "customer_key")
CAMPAIGNS = ("core.dim_campaign", "campaign_id")
CUSTOMER_VERSIONS = ("core.dim_customer_history", "customer_version_key")
PRODUCT_VERSIONS = ("core.dim_product_history", "product_version_key")
PRODUCTS = ("core.dim_product", "product_id")
ORDERS = ("core.fct_order", "order_id")
CASES = ("core.fct_case", "case_id")
# A fact that names another fact says so where its source names none that is known: facts have no unknown member.
NOT_IN_DATA = "not_in_data"

OF_CUSTOMERS = (
    "core.fct_order",
    "core.fct_order_line",
    "core.fct_return",
    "core.fct_campaign_contact",
    "core.fct_campaign_response",
    "core.fct_contact",
    "core.fct_case",
    "core.fct_survey_response",
    "core.fct_consent",
    "core.fct_web_session",
    "core.fct_subscription",
    "core.fct_payment",
    "core.fct_opportunity",
    "core.fct_cost_allocation",
    "core.fct_customer_month",
    "core.customer_permission",
    "core.bridge_customer_source",
    "core.bridge_customer_relationship",
    "core.customer_source_id",
    "core.dim_customer_contact",
    "marts.customer_360",
    "marts.customer_segments",
    "marts.customer_clv",
    "marts.clv_statement",
    "marts.customer_churn",
    "marts.campaign_audience",
)
OF_CUSTOMER_VERSIONS = tuple(table for table in OF_CUSTOMERS if table.startswith("core.fct_"))
OF_PRODUCTS = ("core.fct_order_line", "core.fct_return")
OF_CAMPAIGNS = (
    "core.fct_order",
    "core.fct_campaign_contact",
    "core.fct_campaign_response",
    "core.fct_contact",
    "core.fct_web_session",
    "core.fct_cost",
    "core.fct_cost_allocation",
    "marts.campaign_performance",
)


@dataclass(frozen=True)
class Reference:
    """A column of a table whose values are found in a parent's key, or are `absent`: named, and not in the data."""

    table: str
    column: str
    parent: str
    key: str
    absent: str | None = None

    def query(self) -> str:
        """SQL for one row: rows whose parent is missing, null keys included."""
        absent = f" and child.{self.column} is distinct from {quote_literal(self.absent)}" if self.absent else ""
        return (
            f"select {quote_literal(self.table)} as table_name, {quote_literal(self.column)} as column_name, "
            f"{quote_literal(self.parent)} as parent, count(*) as rows_without_parent from {self.table} as child "
            f"where not exists (select 1 from {self.parent} as parent "
            f"where parent.{self.key} = child.{self.column}){absent}"
        )


REFERENCES = (
    *(Reference(table, "customer_id", *CUSTOMERS) for table in OF_CUSTOMERS),
    *(Reference(table, "campaign_id", *CAMPAIGNS) for table in OF_CAMPAIGNS),
    *(Reference(table, "customer_key", *CUSTOMER_KEYS) for table in OF_CUSTOMER_VERSIONS),
    *(Reference(table, "customer_version_key", *CUSTOMER_VERSIONS) for table in OF_CUSTOMER_VERSIONS),
    *(Reference(table, "product_id", *PRODUCTS) for table in (*OF_PRODUCTS, "core.dim_product_history")),
    *(Reference(table, "product_version_key", *PRODUCT_VERSIONS) for table in OF_PRODUCTS),
    Reference("core.fct_order", "order_date", "core.dim_date", "date_day"),
    Reference("core.fct_order_line", "order_id", *ORDERS),
    *(
        Reference(table, "order_id", *ORDERS, NOT_IN_DATA)
        for table in ("core.fct_return", "core.fct_payment", "core.fct_contact")
    ),
    *(Reference(table, "case_id", *CASES, NOT_IN_DATA) for table in ("core.fct_contact", "core.fct_survey_response")),
    Reference("core.fct_contact", "agent_id", "core.dim_agent", "agent_id"),
)


def references_frame(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per reference."""
    return connection.execute(" union all ".join(reference.query() for reference in REFERENCES)).df()
