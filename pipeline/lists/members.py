"""Who is in a list, and what of a customer stands in it: the columns, in their order, and the rows."""

from typing import Any

import duckdb

# Permission: what it is for, in words.
CHANNELS = {
    "can_mail": "e-mail or letter",
    "can_email": "e-mail",
    "can_post": "letter",
    "can_call": "call",
    "can_text": "text message",
}
# Column: the permission without which it stays empty. Unknown is not yes.
ADDRESSED_BY = {
    "full_name": "can_mail",
    "given_name": "can_mail",
    "family_name": "can_mail",
    "email": "can_email",
    "street": "can_post",
    "city": "can_post",
    "postcode": "can_post",
    "country": "can_post",
}
FROM_CONTACTS = {
    "source_system": "Source system that knows the customer; several are separated by '; '.",
    "source_customer_id": "The customer's id in that system, in the same order. Import this column as text.",
    **{
        name: f"{name.replace('_', ' ').capitalize()}, only where {permission} says yes."
        for name, permission in ADDRESSED_BY.items()
    },
}
COLUMNS = (
    "list_rank",
    "customer_id",
    *FROM_CONTACTS,
    "reason",
    "explanation",
    "segment_name",
    "tier",
    "lifecycle_stage",
    "churn_probability",
    "risk_band",
    "expected_loss",
    "clv_future",
    "last_order_date",
    *CHANNELS,
)


# What is true of every member, of the release's word and the landing's: an address that the release allowed and the
# landing does not is left out; a grant that came after the release is for the next one.
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
        audience.* exclude (can_mail, can_email, can_post, can_call, can_text),
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
    left join now.export.list_consent as now using (customer_id)
    where is_included
),

final as (
    select
        *,
        can_email or can_post as can_mail
    from permitted
)

select
    final.*,
    ids.source_system,
    ids.source_customer_id,
    contact.* exclude (customer_id),
    case
        when withheld_because is not null then withheld_because
        when can_mail = false then 'no consent'
    end as left_out_because
from final
left join ids using (customer_id)
left join contacts_file.dim_customer_contact as contact using (customer_id)
"""


def judge(connection: duckdb.DuckDBPyConnection, *, has_consents: bool) -> None:
    """Make the table `judged`: the members of all lists in the release, each with why it is left out, if it is.

    Parameters
    ----------
    connection
        With the databases `release`, `contacts_file` and `now` (pipeline/lists/permissions.py).
    has_consents
        A source provides consents: nobody is a member without one.
    """
    connection.execute(JUDGED, {"has_consents": has_consents})


def members(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    """Rows of a list in `COLUMNS`, of those who are not left out."""
    return connection.execute(
        f"select {', '.join(_selected(column) for column in COLUMNS)} from judged"
        " where list_name = $1 and left_out_because is null order by list_rank, customer_id",
        [name],
    ).fetchall()


def left_out(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
    """How many customers the release has in a list, and the landing keeps out of it, by reason."""
    return dict(
        connection.execute(
            "select left_out_because, count(*) from judged where list_name = $1 and left_out_because is not null"
            " group by all order by all",
            [name],
        ).fetchall()
    )


def _selected(name: str) -> str:
    permission = ADDRESSED_BY.get(name)
    return f"case when {permission} then {name} end as {name}" if permission else name
