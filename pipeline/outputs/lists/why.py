"""Why a customer is on the list of a campaign, or not, in a sentence."""

from typing import Any

import duckdb

from pipeline.base.errors import UserError
from pipeline.base.scratch import working_connection
from pipeline.base.settings import Settings
from pipeline.campaigns import read_campaigns
from pipeline.serving.releases import DATABASE, attach_read_only, current_release

SENTENCES = {
    "on the list": "is on the list of {campaign}, {list_rank} of {listed}: {reason}",
    "control group": "is held back in the control group of {campaign}, so that the effect can be measured",
    "universal control group": "is not on the list of {campaign}: no campaign of {year} contacts the universal control "
    "group",
    "chosen by a campaign with priority": "is not on the list of {campaign}: {other}, which has priority, has chosen "
    "the customer or the household",
    "household already chosen": "is not on the list of {campaign}: somebody else of the household comes first",
    "over budget or capacity": "is not on the list of {campaign}: it would be, but for the budget or capacity, which "
    "ends after {listed}",
    "minor": "is not on the list of {campaign}: younger than 18",
    "suppressed": "is not on the list of {campaign}: a suppression list closes the channel",
    "bounced": "is not on the list of {campaign}: what was sent came back, and no consent has been given since",
    "no contact details": "is not on the list of {campaign}: there is no address for the channel that is allowed",
}
OTHERWISE = "is not on the list of {campaign}: {reason}"


def why(settings: Settings, customer_id: str, campaign: str) -> str:
    """Return why a customer is in or out, by the published release.

    Raises
    ------
    UserError
        The release has no such customer, or has not judged the campaign.
    """
    folder = current_release(settings)
    with working_connection(settings.home) as connection:
        attach_read_only(connection, folder / DATABASE, "release")
        found = connection.execute(
            "select reason_group, reason, list_rank from release.marts.campaign_audience"
            " where list_name = $1 and customer_id = $2",
            [campaign, customer_id],
        ).fetchall()
        if not found:
            raise UserError(_unknown(connection, folder.name, customer_id, campaign))
        ((group, reason, list_rank),) = found
        words = {
            "campaign": campaign,
            "reason": reason.split(": ", 1)[1],
            "list_rank": list_rank,
            **_around(connection, customer_id, campaign),
        }
    return f"{customer_id} {SENTENCES.get(group, OTHERWISE).format_map(words)}."


def _around(connection: duckdb.DuckDBPyConnection, customer_id: str, campaign: str) -> dict[str, Any]:
    """Return how long the list is, the year, and the campaign that has chosen the customer or the household."""
    ((listed, as_of),) = connection.execute(
        "select count(*), (select max(as_of_date) from release.marts.release)"
        " from release.marts.campaign_audience where list_name = $1 and is_included",
        [campaign],
    ).fetchall()
    chosen_by = connection.execute(
        """
        with asked as (select customer_id, household_id from release.marts.campaign_customer where customer_id = $1)
        select distinct audience.list_name
        from release.marts.campaign_audience as audience
        join release.marts.campaign_customer as chosen using (customer_id)
        join asked on asked.customer_id = chosen.customer_id or asked.household_id = chosen.household_id
        where audience.arm is not null
        """,
        [customer_id],
    ).fetchall()
    names = {name for (name,) in chosen_by}
    other = next((name for name in read_campaigns() if name in names), "another campaign")
    return {"listed": listed, "year": as_of.year, "other": other}


def _unknown(connection: duckdb.DuckDBPyConnection, release: str, customer_id: str, campaign: str) -> str:
    known = "select count(*) from release.marts.customer_360 where customer_id = $1"
    ((customers,),) = connection.execute(known, [customer_id]).fetchall()
    if not customers:
        return f"Release {release} has no customer '{customer_id}': take an id from marts.customer_360."
    if campaign in read_campaigns():
        return (
            f"Release {release} has not judged the campaign '{campaign}', which is new or out of its dates: "
            f"`perennial lists preview {campaign}` says what it would do."
        )
    return f"There is no campaign '{campaign}': give one of {', '.join(sorted(read_campaigns())) or 'none'}."
