"""What campaigns choose on a release: the mart's own model, run again on what is published. Nothing is written."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import duckdb

from pipeline.base.errors import UserError
from pipeline.base.numbers import currency_digits
from pipeline.base.settings import Settings
from pipeline.build.models import Models
from pipeline.campaigns import Campaign, campaign_variables

PUBLISHED = {
    "customer_360": "release.marts.customer_360",
    "campaign_customer": "release.marts.campaign_customer",
    "campaign_performance": "release.marts.campaign_performance",
    "campaign_uplift": "release.marts.campaign_uplift",
    "dim_customer_contact": "contacts_file.dim_customer_contact",
}
"""What the model reads of a release, by the name of the model that wrote it."""
CHOSEN = "campaign_audience"


def choose(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    campaigns: Iterable[Campaign],
    *,
    as_of: date,
    currency: str,
    paths: Mapping[str, Path],
) -> None:
    """Make the table `campaign_audience` from the customers of a release.

    Parameters
    ----------
    connection
        With the databases `release` and `contacts_file` of the release.
    settings, campaigns, as_of, currency, paths
        See `pipeline.campaigns.campaign_variables`.

    Raises
    ------
    UserError
        The release is older than campaigns, or an amount is in another currency.
    """
    variables = campaign_variables(campaigns, settings, as_of=as_of, currency=currency, paths=paths)
    models = Models(
        connection,
        {**variables, "as_of_date": str(as_of), "currency": currency, "currency_digits": currency_digits(currency)},
    )
    for name, published in PUBLISHED.items():
        try:
            connection.execute(f"create view {name} as from {published}")
        except duckdb.CatalogException as error:
            raise UserError(f"The release has no table {name}: build first (`make run`).") from error
        models.made.add(name)
    models.make(CHOSEN)
