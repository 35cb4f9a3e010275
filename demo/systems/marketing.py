"""Marketing: campaigns with a randomised control arm, contacts, responses and the month's costs, as daily CSV files.

A contact has sent_at in both arms: for control it is the moment of the draw, and nothing was sent.
"""

import numpy as np

from demo.systems.deliver import publish
from demo.systems.records import SAID_NAME, record, said
from demo.world.company import SECONDS_A_DAY, Company, texts
from demo.world.laws import date_of

TABLES = ("recipients", "campaigns", "contacts", "responses", "costs")
RECIPIENT_SHARE = 0.7
SECOND_RECORD_SHARE = 0.04
DAYS_BEFORE = 7
# Cents per new account by signup channel; commission of the marketplace in percent; cents per desk contact by channel.
ACQUISITION_CENTS = {"search": 1_850, "social": 1_420, "store": 600, "referral": 900, "affiliate": 1_600}
COMMISSION_PERCENT = 12
DESK_OVERHEAD_CENTS = {"phone": 140, "email": 60, "chat": 45}
FIXED_SHARE_PERCENT = 20


def make_marketing(company: Company) -> None:
    """Make marketing's tables."""
    company.numbers("sent", _audience(company))
    publish(company, "demo_marketing.recipients", _recipients(company))
    publish(company, "demo_marketing.campaigns", _campaigns(company))
    publish(company, "demo_marketing.contacts", _contacts(company))
    publish(company, "demo_marketing.responses", _responses(company))
    publish(company, "demo_marketing.costs", _costs())


def _audience(company: Company) -> dict[str, np.ndarray]:
    audience = company.lives.audience
    return {"campaign": audience.campaign, "person_id": audience.person, "is_treated": audience.is_treated}


def _recipients(company: Company) -> str:
    """Make the recipients: all persons in an audience and most others who ever ordered; a few are in the file twice."""
    second = SECOND_RECORD_SHARE * company.options.errors
    known = f"""
        select person_id, created_s + case when copy = 2 then {40 * SECONDS_A_DAY} else 0 end as recorded_s,
            person_id * 2 + copy - 1 as record_key
        from (
            select person_id, min(at_s) + 60 as created_s, unnest([1, 2]) as copy from shop_orders
            where u('recipient', person_id) < {RECIPIENT_SHARE} or person_id in (select person_id from sent)
            group by person_id
        ) where copy = 1 or u('second recipient', person_id) < {second}
    """
    return f"""
        select
            code('N', record_key) as recipient_no, record_name as name, record_email as email, record_phone as phone,
            local_iso(recorded_s) as created_at, local_iso(recorded_s) as updated_at,
            {said(email="said_email", phone="said_phone", **SAID_NAME)},
            person_id as _person, record_key as _id, record_key as _key, day_of(recorded_s) as _day,
            recorded_s as _version_s, cast(null as text) as _parent_reason
        from ({record(company, "marketing", known)})
    """


def _campaigns(company: Company) -> str:
    """The plan, a week before the campaign begins."""
    planned = company.world.campaigns
    company.numbers(
        "campaigns",
        {
            "campaign": list(range(len(planned))),
            "campaign_code": [campaign.code for campaign in planned],
            "objective": [campaign.objective for campaign in planned],
            "channel": [campaign.channel for campaign in planned],
            "offer": [campaign.offer for campaign in planned],
            "budget_cents": [campaign.budget_cents for campaign in planned],
            "unit_cost_cents": [campaign.unit_cost_cents for campaign in planned],
            "control_share": [f"{1 - campaign.treated_share:.2f}" for campaign in planned],
            "start_day": [campaign.start_day for campaign in planned],
            "length_days": [campaign.length_days for campaign in planned],
            "start_date": [date_of(campaign.start_day).isoformat() for campaign in planned],
            "end_date": [date_of(campaign.end_day - 1).isoformat() for campaign in planned],
        },
    )
    return f"""
        select
            campaign_code, objective, channel, offer, money(budget_cents) as budget,
                money(unit_cost_cents) as unit_cost, control_share,
            start_date, end_date, local_iso((start_day - {DAYS_BEFORE}) * {SECONDS_A_DAY} + 36000) as updated_at,
            campaign as _id, campaign as _key, greatest(0, start_day - {DAYS_BEFORE}) as _day, 0 as _version_s,
            cast(null as text) as _parent_reason
        from campaigns
    """


def _contacts(company: Company) -> str:
    """The sending, and a newer version when an e-mail or text is opened or clicked.

    Codes and days are looked up in lists: a join that hands down texts of a small table ends DuckDB 2.0.0 with an
    internal error here (its cache of dictionaries that survive a hash join).
    """
    planned = company.world.campaigns
    return f"""
        with moments as (
            select *, {_codes(company)}[campaign + 1] as campaign_code,
                {texts([campaign.channel for campaign in planned])}[campaign + 1] as channel,
                campaign * cast(10000000 as bigint) + person_id as sent_key,
                {[campaign.start_day for campaign in planned]}[campaign + 1] * {SECONDS_A_DAY}
                    + between_draw(32400, 61200, u('sent', campaign * cast(10000000 as bigint) + person_id)) as sent_s
            from sent
        ),
        opened as (
            select *, case when is_treated and channel in ('email', 'sms') and u('opens', sent_key) < 0.34
                then sent_s + between_draw(60, 100000, u('opened', sent_key)) end as opened_s
            from moments
        ),
        clicked as (
            select *, case when u('clicks', sent_key) < 0.22
                then opened_s + between_draw(5, 900, u('clicked', sent_key)) end as clicked_s
            from opened
        ),
        versions as (
            select *, unnest(case when opened_s is null then [1] else [1, 2] end) as version from clicked
        )
        select
            campaign_code, code('N', person_id * 2 + 0) as recipient_no,
            case when is_treated then 'treated' else 'control' end as arm, local_iso(sent_s) as sent_at,
            case when version = 2 then local_iso(opened_s) end as opened_at,
            case when version = 2 then local_iso(clicked_s) end as clicked_at,
            local_iso(case when version = 2 then coalesce(clicked_s, opened_s) else sent_s end) as updated_at,
            is_treated as _is_treated, sent_key as _id, sent_key * 2 + version - 1 as _key,
            case when version = 2 then coalesce(clicked_s, opened_s) else sent_s end as _version_s,
            day_of(case when version = 2 then coalesce(clicked_s, opened_s) else sent_s end) as _day,
            cast(null as text) as _parent_reason
        from versions
    """


def _codes(company: Company) -> str:
    return texts([campaign.code for campaign in company.world.campaigns])


def _responses(company: Company) -> str:
    """A voucher used with an order, as the shop tells marketing the same evening."""
    return f"""
        select
            code('V', purchase_id) as response_no, {_codes(company)}[code + 1] as campaign_code, code('N',
                person_id * 2 + 0) as recipient_no,
            'voucher' as kind, local_iso(at_s + 60) as responded_at,
            purchase_id as _id, purchase_id as _key, day_of(at_s + 60) as _day, at_s as _version_s,
                cast(null as text) as _parent_reason
        from shop_orders where code is not null
    """


def _by_channel(cents: dict[str, int], column: str) -> str:
    branches = " ".join(f"when '{name}' then {value}" for name, value in cents.items())
    return f"case {column} {branches} else 0 end"


def _costs() -> str:
    """Booked on the last day of each month. Selling is the marketplace's commission on what was sold there."""
    return f"""
        with booked as (
            select date_trunc('month', date_of(day_of(created_s))) as month, 'acquisition' as kind,
                signup_channel as channel,
                null as campaign_code, count(*) * any_value({_by_channel(ACQUISITION_CENTS, "signup_channel")}) as cents
            from (select person_id, min(at_s) as created_s
                from shop_orders where channel <> 'marketplace' group by person_id)
            inner join people using (person_id)
            where arrived_s >= 0
            group by all
            union all
            select date_trunc('month', date_of(day)), 'selling', 'marketplace', null,
                half_up(cast(sum(goods_cents * rate // 1000000) as bigint) * {COMMISSION_PERCENT}, 100)
            from shop_orders where channel = 'marketplace' group by all
            union all
            select month, 'service', channel, null,
                contacts * {_by_channel(DESK_OVERHEAD_CENTS, "channel")}
            from desk_months
            union all
            select date_trunc('month', date_of(start_day)), 'retention', channel, campaign_code,
                half_up(budget_cents * {FIXED_SHARE_PERCENT}, 100)
            from campaigns
        )
        select
            'B' || strftime(month, '%y%m') || '-' || kind || '-' || coalesce(campaign_code, channel) as cost_no,
            strftime(month, '%Y-%m-%d') as month, kind, channel, campaign_code, money(cents) as amount,
                'SGD' as currency,
            cents as _cents, kind as _kind, row_number() over (order by month, kind, channel, campaign_code) as _id,
            row_number() over (order by month, kind, channel, campaign_code) as _key,
            cast(last_day(month) - date_of(0) as int) as _day, 0 as _version_s, cast(null as text) as _parent_reason
        from booked
    """
