"""The members of a list: its columns, in their order, and its rows."""

from collections.abc import Iterable
from typing import Any

import duckdb

from pipeline.base.duck import quote_literal
from pipeline.campaigns import Campaign

# Permission: its purpose, in words.
CHANNELS = {
    "can_email_or_post": "e-mail or letter",
    "can_email": "e-mail",
    "can_post": "letter",
    "can_call": "call",
    "can_text": "text message",
}
NAMES = ("full_name", "given_name", "family_name")
ADDRESSES = {
    "email": ("email",),
    "post": ("street", "city", "postcode", "country"),
    "call": ("phone",),
    "text": ("phone",),
}
"""What a channel needs: a list has the addresses of its campaign's channels, and no others."""
IDS = {
    "source_system": "Source system that knows the customer; several are separated by '; '.",
    "source_customer_id": "The customer's id in that system, in the same order. Import this column as text.",
}


def addressed_by(campaign: Campaign) -> dict[str, tuple[str, ...]]:
    """Return the personal columns of a list, each with the permissions of which one fills it. Unknown is not yes."""
    channels = tuple(channel for channel in ADDRESSES if channel in campaign.channels)
    needed = dict.fromkeys(NAMES, tuple(f"can_{channel}" for channel in channels))
    for channel in channels:
        for column in ADDRESSES[channel]:
            needed[column] = (*needed.get(column, ()), f"can_{channel}")
    return needed


def columns_of(campaign: Campaign) -> tuple[str, ...]:
    """Columns of a list's file, in their order."""
    return ("list_rank", "customer_id", *IDS, *addressed_by(campaign), *campaign.columns, *CHANNELS)


def meaning_of_contacts(campaign: Campaign) -> dict[str, str]:
    """Return what the columns of ids and contacts mean."""
    return IDS | {
        name: f"{name.replace('_', ' ').capitalize()}, only where {' or '.join(permissions)} says yes."
        for name, permissions in addressed_by(campaign).items()
    }


# A permission holds when both the release and the landing have it. An address that the landing no longer allows is left
# out, and a grant that came after the release waits for the next one. Whose addresses were erased since is left out.
JUDGED = """
create or replace temporary table judged as
with
ids as (
    select
        customer_id,
        string_agg(source_system, '; ' order by source_system, source_customer_id) as source_system,
        string_agg(source_customer_id, '; ' order by source_system, source_customer_id) as source_customer_id
    from contacts_file.customer_source_id
    group by customer_id
),

permitted as (
    select
        audience.* exclude (can_email_or_post, can_email, can_post, can_call, can_text),
        now.withheld_because,
        case when $has_consents then coalesce(audience.can_email, true) and coalesce(now.can_email, false)
            when now.withheld_because is null then audience.can_email else false end as can_email,
        case when $has_consents then coalesce(audience.can_post, true) and coalesce(now.can_post, false)
            when now.withheld_because is null then audience.can_post else false end as can_post,
        case when $has_consents then coalesce(audience.can_call, true) and coalesce(now.can_call, false)
            when now.withheld_because is null then audience.can_call else false end as can_call,
        case when $has_consents then coalesce(audience.can_text, true) and coalesce(now.can_text, false)
            when now.withheld_because is null then audience.can_text else false end as can_text
    from release.marts.campaign_audience as audience
    left join now.part_customer_consent as now using (customer_id)
    where is_included
),

final as (
    select
        *,
        can_email or can_post as can_email_or_post
    from permitted
)

select
    final.*,
    ids.source_system,
    ids.source_customer_id,
    contact.* exclude (customer_id),
    case
        when withheld_because is not null then withheld_because
        when case list_name {permitted} else can_email_or_post end = false then 'no consent'
        when (select count(*) from contacts_file.dim_customer_contact) > 0 and case list_name {reached} end = false
            then 'no contact details'
    end as left_out_because
from final
left join ids using (customer_id)
left join contacts_file.dim_customer_contact as contact using (customer_id)
"""


def judge(connection: duckdb.DuckDBPyConnection, campaigns: Iterable[Campaign], *, has_consents: bool) -> None:
    """Create the table `judged`: the members of all lists in the release, with the reason for leaving one out.

    Parameters
    ----------
    connection
        With the databases `release`, `contacts_file` and `now` (pipeline/outputs/lists/permissions.py).
    campaigns
        The lists, of which each names the permission that a member needs.
    has_consents
        A source provides consents, so no customer is a member without one.
    """
    lists = list(campaigns)
    permitted = " ".join(f"when {quote_literal(each.name)} then {each.permitted_by}" for each in lists)
    reached = " ".join(f"when {quote_literal(each.name)} then {_reached_by(each)}" for each in lists)
    connection.execute(JUDGED.format(permitted=permitted, reached=reached), {"has_consents": has_consents})


def _reached_by(campaign: Campaign) -> str:
    """SQL that says whether a channel is allowed of which there is an address."""
    reached = (
        f"(can_{channel} and {ADDRESSES[channel][0]} is not null)" for channel in dict.fromkeys(campaign.channels)
    )
    return f"({' or '.join(reached)})"


def members(connection: duckdb.DuckDBPyConnection, campaign: Campaign) -> list[tuple[Any, ...]]:
    """Return the rows of a list in its columns, without those that are left out."""
    needed = addressed_by(campaign)
    selected = [
        f"case when {' or '.join(needed[name])} then {name} end as {name}" if name in needed else name
        for name in columns_of(campaign)
    ]
    return connection.execute(
        f"select {', '.join(selected)} from judged"
        " where list_name = $1 and left_out_because is null order by list_rank, customer_id",
        [campaign.name],
    ).fetchall()


def left_out(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
    """Count by reason the customers whom the release has in a list and the landing keeps out of it."""
    return dict(
        connection.execute(
            "select left_out_because, count(*) from judged where list_name = $1 and left_out_because is not null"
            " group by all order by all",
            [name],
        ).fetchall()
    )
