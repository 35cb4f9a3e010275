"""What dbt judges customers by: the campaigns of a day, as SQL that was parsed from their files."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.base import settings as project
from pipeline.base.duck import quote_literal
from pipeline.base.settings import Settings
from pipeline.campaigns.arms import below, prefix, universal_control
from pipeline.campaigns.checks import check_currency
from pipeline.campaigns.columns import audience_columns
from pipeline.campaigns.definitions import Campaign
from pipeline.campaigns.expression import to_sql


def campaign_variables(
    campaigns: Iterable[Campaign],
    settings: Settings,
    *,
    as_of: date,
    currency: str,
    paths: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """Return the variables of dbt that `marts.campaign_audience` is built from.

    Parameters
    ----------
    campaigns
        In the order of their priority. Those out of their dates are left out.
    settings
        The key of the arms, and the share of the universal control group.
    as_of, currency
        Of the build.
    paths
        Where a campaign's file is, if it is not in campaigns/.

    Raises
    ------
    UserError
        A budget is in another currency.
    """
    active = [campaign for campaign in campaigns if campaign.is_active(as_of)]
    for campaign in active:
        path = (paths or {}).get(campaign.name, project.CAMPAIGNS / f"{campaign.name}.yml")
        check_currency(path, campaign, currency)
    share = Decimal(str(settings.universal_control_share))
    return {
        "campaigns": [as_sql(campaign, settings.arm_key) for campaign in active],
        "universal_control": universal_control(settings.arm_key, share, as_of),
    }


def as_sql(campaign: Campaign, arm_key: str) -> dict[str, Any]:
    """Return what `marts.campaign_audience` reads of a campaign."""
    columns = audience_columns()
    return {
        "name": campaign.name,
        "objective": quote_literal(campaign.objective),
        "priority": campaign.priority,
        "block": campaign.blocked_because,
        "rules": [
            {
                "when": to_sql(rule.when, columns) if rule.when else "true",
                "reason": quote_literal(rule.reason),
            }
            for rule in campaign.audience
        ],
        "order": [f"coalesce({', '.join([*names, '0'])}) desc" for names in campaign.order],
        "household": campaign.household,
        "pause_days": campaign.pause_days,
        "horizon_days": campaign.horizon_days,
        "unit_cost": str(campaign.unit_cost.amount if campaign.unit_cost else 0),
        "limit": campaign.limit,
        "control": {"prefix": prefix(arm_key, campaign.name), "below": _bound(campaign)},
    }


def _bound(campaign: Campaign) -> str:
    """Return the bound of the control group as SQL, of each stratum its own."""
    columns = audience_columns()
    strata = "".join(
        f"when {to_sql(stratum.when, columns)} then {below(stratum.control_share)} " for stratum in campaign.strata
    )
    bound = below(campaign.held_share)
    return f"case {strata}else {bound} end" if strata else bound
