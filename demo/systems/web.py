"""The web front: daily JSONL files. Times are UTC, the day of a file is the local day.

A session is a burst of events of one visitor; within it the gaps are well below 30 minutes.
"""

from demo.systems.deliver import publish
from demo.systems.records import SAID_NAME, record, said
from demo.world.company import SECONDS_A_DAY, Company, texts

TABLES = ("users", "events", "consents")
USER_SHARE = 0.6
BIRTH_DATE_SHARE = 0.5
BUYING_SESSION_SHARE = 0.42
BROWSING_SHARE = 0.14
STRANGER_SHARE = 0.07
VISITOR_DAYS = 240
SESSION_GAP_SECONDS = 30 * 60
SEARCHES = ("balcony pots", "orchid", "bbq", "candle", "aquarium plants", "hamper", "soil", "string lights")
WITHDRAWAL_SHARE = 0.25


def make_web(company: Company) -> None:
    """Make the web front's tables."""
    company.table("web_users", _web_users())
    _make_sessions(company)
    publish(company, "demo_web.events", _events(company))
    company.drop("web_sessions")
    publish(company, "demo_web.users", _users(company))
    publish(company, "demo_web.consents", _consents())


def _web_users() -> str:
    """Make the accounts: most persons who ever ordered, except on the marketplace."""
    return f"""
        select person_id, min(at_s) - 100 as created_s, code('U', person_id) as user_id
        from shop_orders where channel <> 'marketplace' and u('web user', person_id) < {USER_SHARE}
        group by person_id having min(at_s) >= 100
    """


def _make_sessions(company: Company) -> None:
    """Sessions before an order, later ones without, and those of strangers."""
    company.table(
        "web_sessions",
        f"""
        with sessions as (
            select purchase_id * 3 as session_key, person_id, at_s - 30 as end_s, null as start_s, true as buys,
                campaign
            from shop_orders
            where channel in ('web', 'app') and u('buying session', purchase_id) < {BUYING_SESSION_SHARE}
            union all
            select purchase_id * 3 + 1, person_id, null,
                at_s + between_draw({SECONDS_A_DAY}, {60 * SECONDS_A_DAY}, u('browses when', purchase_id)), false, -1
            from shop_orders where u('browses', purchase_id) < {BROWSING_SHARE}
            union all
            select purchase_id * 3 + 2, null, null,
                at_s + between_draw(-{5 * SECONDS_A_DAY}, {5 * SECONDS_A_DAY}, u('stranger when', purchase_id)),
                false, -1
            from shop_orders where u('stranger', purchase_id) < {STRANGER_SHARE}
        ),
        paced as (
            select sessions.*,
                web_users.user_id is not null and web_users.created_s < coalesce(start_s, end_s) as has_account,
                user_id, between_draw(2, 4, u('events', session_key)) as events,
                between_draw(15, 420, u('pace', session_key)) as pace,
                day_of(coalesce(start_s, end_s) + person_id * 1000003 % {VISITOR_DAYS * SECONDS_A_DAY})
                    // {VISITOR_DAYS} as era
            from sessions left join web_users using (person_id)
        )
        select *, coalesce(start_s, end_s - (events - 1) * pace) as begins_s,
            has_account and u('logs in', session_key) < 0.6 as logs_in,
            'v' || substr(md5(
                case when person_id is null then 's' || session_key else 'p' || person_id || '|' || era end
            ), 1, 16) as visitor_id
        from paced
        """,
    )


def _events(company: Company) -> str:
    codes = texts([campaign.code for campaign in company.world.campaigns] or [""])
    return f"""
        with numbered as (
            select *, unnest(range(1, events + 1)) as step from web_sessions
        ),
        happened as (
            select *, session_key * 8 + step as event_key,
                begins_s + (step - 1) * pace + case when step = 1 then 0
                    else between_draw(0, 11, u('hurry', session_key * 8 + step)) end as event_s,
                case when step = 1 then 'page_view' when step = 2 and logs_in then 'login'
                    when buys and step = events then 'checkout' when buys then 'add_to_cart'
                    when u('searches', session_key * 8 + step) < 0.3 then 'search' else 'page_view' end as type
            from numbered
        )
        select
            code('E', event_key) as event_id, visitor_id, case when logs_in and step >= 2 then user_id end as user_id,
            utc_iso(event_s) as ts, type,
            case type when 'login' then '/account/login' when 'checkout' then '/checkout'
                when 'add_to_cart' then '/cart/add'
                when 'search' then '/search?q=' || replace(pick({texts(SEARCHES)}, u('search', event_key)), ' ', '+')
                else '/p/' || between_draw(1, 480, u('page', event_key)) end as path,
            case when step > 1 then null when u('referrer', session_key) < 0.3 then 'https://search.example/'
                when u('referrer', session_key) < 0.45 then 'https://social.example/feed' end as referrer,
            case when step = 1 and campaign >= 0 then {codes}[campaign + 1] end as utm_campaign,
            event_s as _event_s, event_key as _id, event_key as _key, day_of(event_s) as _day, event_s as _version_s,
            cast(null as text) as _parent_reason
        from happened
    """


def _users(company: Company) -> str:
    """Accounts; some are corrected later, when a name or an address has changed."""
    versions = """
        select user_id, person_id, person_id as record_key, created_s, unnest([created_s, changed_s]) as recorded_s,
            unnest([1, 2]) as version
        from (
            select web_users.*, least(people.new_email_s, people.married_s) as changed_s
            from web_users inner join people using (person_id)
        )
    """
    wanted = f"""
        select * from ({versions}) where version = 1 or (recorded_s > created_s + {SECONDS_A_DAY}
            and recorded_s < {company.end} and u('updates account', record_key) < 0.5)
    """
    told = f"u('profile birth date', record_key) < {BIRTH_DATE_SHARE}"
    return f"""
        select
            user_id, record_email as email, record_name as name,
            case when {told} then record_birth_date end as birth_date,
            utc_iso(created_s) as created_at, utc_iso(recorded_s) as updated_at,
            {said(email="said_email", born=f"case when {told} then said_born end", **SAID_NAME)},
            person_id as _person, record_key as _id, record_key * 2 + version - 1 as _key, day_of(recorded_s) as _day,
            recorded_s as _version_s, cast(null as text) as _parent_reason
        from ({record(company, "web", wanted)})
        qualify version = 1 or [name, email] is distinct from lag([name, email]) over (
            partition by record_key order by version)
    """


def _consents() -> str:
    """Make the consents given with the account, and those withdrawn later."""
    return f"""
        with asked as (
            select *, unnest([1, 2, 3, 4, 5]) as question from web_users
        ),
        said as (
            select *, person_id * 8 + question as consent_key,
                ['email', 'phone', 'sms', 'mail', 'email'][question] as channel,
                case when question = 5 then 'service' else 'marketing' end as purpose,
                u('consents', person_id * 8 + question) < [0.68, 0.25, 0.35, 0.30, 0.97][question] as is_granted
            from asked where question in (1, 5) or u('is asked', person_id * 8 + question) < 0.35
        ),
        changes as (
            select *, 1 as change, created_s as changed_s,
                case when is_granted then 'granted' else 'withdrawn' end as status
            from said
            union all
            select *, 2,
                created_s + between_draw({SECONDS_A_DAY}, {700 * SECONDS_A_DAY}, u('withdraws when', consent_key)),
                'withdrawn'
            from said where is_granted and purpose = 'marketing' and u('withdraws', consent_key) < {WITHDRAWAL_SHARE}
        )
        select
            user_id, channel, purpose, status, utc_iso(changed_s) as ts,
            status as _status, consent_key * 2 + change as _id, consent_key * 2 + change as _key,
                day_of(changed_s) as _day,
            changed_s as _version_s, cast(null as text) as _parent_reason
        from changes
    """
