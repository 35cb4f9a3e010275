"""The service desk and call centre: daily CSV files.

Contacts, cases and surveys follow from what happened to an order (late, damaged, a long wait; a complaint handled well
or badly) and from general questions. A case is delivered again, with a newer updated_at, when it changes.
"""

from demo.systems.deliver import publish
from demo.systems.records import NO_LOYALTY_RATE, SAID_NAME, record, said
from demo.world.company import SECONDS_A_DAY, Company, texts

TABLES = ("customers", "contacts", "cases", "surveys")
ENQUIRY_SHARE = 0.09
LATER_QUESTION_SHARE = 0.03
REQUEST_SHARE = 0.02
SECOND_RECORD_SHARE = 0.06
NPS_SHARE = 0.05
AGENTS = 24
ENQUIRIES = ("order status", "product advice", "delivery time", "loyalty points", "opening hours, parking")
REMARKS = ("Thanks.", "Quick answer, friendly.", "Had to ask twice", 'They said "tomorrow", it took a week.', "ok")


def make_service(company: Company) -> None:
    """Make the desk's tables."""
    _make_cases(company)
    _make_contacts(company)
    publish(company, "demo_service.contacts", _contacts())
    publish(company, "demo_service.cases", _cases())
    publish(company, "demo_service.surveys", _surveys())
    publish(company, "demo_service.customers", _customers(company))
    company.table(
        "desk_months",
        """
        select date_trunc('month', date_of(day_of(started_s))) as month, channel, count(*) as contacts
        from desk_contacts group by all
        """,
    )
    company.drop("desk_contacts", "desk_cases")


def _span(purpose: str, key: str, least: int, most: int) -> str:
    """Whole seconds from least to most, by a draw."""
    return f"between_draw({least}, {most}, u('{purpose}', {key}))"


def _make_cases(company: Company) -> None:
    """Complaints about an order that failed, and requests. A complaint handled badly takes weeks, and comes back."""
    company.table(
        "desk_cases",
        f"""
        with opened as (
            select purchase_id * 2 as case_key, purchase_id, person_id, order_no, 'complaint' as kind, failure, handled,
                case failure when 1 then 'late delivery' when 2 then 'damaged goods' else 'long wait' end as topic,
                at_s + case when failure = 3 then {_span("complains", "purchase_id", 600, 20_000)}
                    else {_span("complains", "purchase_id", SECONDS_A_DAY, 4 * SECONDS_A_DAY)} end as opened_s
            from shop_orders where handled > 0
            union all
            select purchase_id * 2 + 1, purchase_id, person_id, order_no,
                case when u('request kind', purchase_id) < 0.6 then 'request' else 'enquiry' end, 0, 1,
                'invoice, warranty',
                at_s + {_span("requests", "purchase_id", 3_600, 12 * SECONDS_A_DAY)}
            from shop_orders where u('requests at all', purchase_id) < {REQUEST_SHARE}
        ),
        answered as (
            select *, opened_s + case when handled = 2
                    then {_span("answered", "case_key", 2 * SECONDS_A_DAY, 6 * SECONDS_A_DAY)}
                else {_span("answered", "case_key", 1_800, 40_000)} end as answered_s
            from opened
        )
        select *,
            answered_s + case when handled = 2
                then {_span("resolved", "case_key", 8 * SECONDS_A_DAY, 40 * SECONDS_A_DAY)}
                else {_span("resolved", "case_key", 600, 3 * SECONDS_A_DAY)} end as resolved_s,
            handled = 2 and u('never resolved', case_key) < 0.2 as is_never_resolved,
            case when handled = 2 then {_span("reopened", "case_key", 1, 3)}
                when u('reopened at all', case_key) < 0.04 then 1 else 0 end as reopened,
            case when kind = 'complaint' and u('compensated', case_key) < case when handled = 2 then 0.25 else 0.6 end
                then {_span("compensation", "case_key", 5, 25)} * 100 else 0 end as compensation_cents
        from answered
        """,
    )


def _make_contacts(company: Company) -> None:
    """Every contact, with the person behind it; the record that the desk wrote it to is chosen last."""
    second = SECOND_RECORD_SHARE * company.options.errors
    company.table(
        "desk_contacts",
        f"""
        with happened as (
            select purchase_id * 8 as contact_key, purchase_id, person_id, order_no, null as case_key,
                'in' as direction,
                pick({texts(ENQUIRIES)}, u('topic', purchase_id)) as topic, false as is_long,
                at_s + {_span("asks", "purchase_id", 1_800, 4 * SECONDS_A_DAY)} as started_s
            from shop_orders where u('asks at all', purchase_id) < {ENQUIRY_SHARE}
            union all
            select purchase_id * 8 + 1, purchase_id, person_id, order_no, null, 'in', 'order status', true,
                at_s + {_span("waits", "purchase_id", 300, 7_200)}
            from shop_orders where failure = 3
            union all
            select case_key * 4 + 2, purchase_id, person_id, order_no, case_key, 'in', topic, false, opened_s - 240
            from desk_cases
            union all
            select case_key * 4 + 3, purchase_id, person_id, order_no, case_key, 'out', topic, false, answered_s
            from desk_cases where kind = 'complaint'
            union all
            select purchase_id * 8 + 4, purchase_id, person_id, order_no, case_key, 'in', topic, true,
                answered_s + 3 * {SECONDS_A_DAY}
            from desk_cases where handled = 2
            union all
            select purchase_id * 8 + 5, purchase_id, person_id, null, null, 'in',
                pick({texts(ENQUIRIES)}, u('later topic', purchase_id)), false,
                at_s + {_span("asks later", "purchase_id", 5 * SECONDS_A_DAY, 70 * SECONDS_A_DAY)}
            from shop_orders where u('asks later at all', purchase_id) < {LATER_QUESTION_SHARE}
        ),
        keyed as (
            select * exclude (contact_key), row_number() over (
                partition by purchase_id order by started_s, contact_key, direction, topic
            ) + purchase_id * 8 as contact_key
            from happened
        ),
        channelled as (
            select *,
                case when is_long or u('desk channel', contact_key) < 0.5 then 'phone'
                    when u('desk channel', contact_key) < 0.8 then 'email' else 'chat' end as channel,
                u('second desk record', person_id) < {second} and u('desk record', contact_key) < 0.4 as is_second
            from keyed
        ),
        waited as (
            select *,
                case when direction = 'out' or channel = 'email' then 0
                    when is_long then {_span("long wait", "contact_key", 900, 2_700)}
                    when channel = 'phone' then {_span("wait", "contact_key", 5, 240)}
                    else {_span("wait", "contact_key", 2, 60)} end as wait_seconds,
                direction = 'in' and channel = 'phone'
                    and u('abandons', contact_key) < case when is_long then 0.35 else 0.03 end as is_abandoned
            from channelled
        )
        select *, code('D', person_id * 2 + cast(is_second as int)) as service_no,
            case when is_abandoned then 0 else {_span("handle", "contact_key", 90, 900)} end as handle_seconds
        from waited
        """,
    )


def _contacts() -> str:
    return f"""
        with costed as (
            select *, case when is_abandoned then 20 when channel = 'phone' then 150 + handle_seconds * 7 // 10
                when channel = 'email' then 320 else 180 + handle_seconds // 4 end as cents
            from desk_contacts
        )
        select
            code('T', contact_key) as contact_no, service_no, channel, direction, topic,
            'AG' || lpad(cast({_span("agent", "contact_key", 1, AGENTS)} as varchar), 2, '0') as agent,
            cast(wait_seconds as varchar) as wait_seconds, cast(handle_seconds as varchar) as handle_seconds,
            case when is_abandoned then '1' else '0' end as abandoned,
            case when is_abandoned then 'abandoned' when case_key is not null then 'case'
                when u('outcome', contact_key) < 0.9 then 'resolved' else 'call back' end as outcome,
            case when case_key is not null then code('F', case_key) end as case_no, order_no, money(cents) as cost,
            local_iso(started_s) as started_at, local_iso(started_s + wait_seconds + handle_seconds) as updated_at,
            '0' as deleted,
            cents as _cost_cents, is_abandoned as _is_abandoned, wait_seconds as _wait_seconds,
            direction = 'in' and not is_abandoned as _is_answered, contact_key as _id,
            contact_key as _key, day_of(started_s) as _day,
            started_s + wait_seconds + handle_seconds as _version_s, cast(null as text) as _parent_reason
        from costed
    """


def _cases() -> str:
    """Three states of a case: opened, answered, resolved."""
    return """
        with states as (
            select *, unnest([1, 2, 3]) as state from desk_cases
        ),
        dated as (
            select *, case state when 1 then opened_s when 2 then answered_s else resolved_s end as version_s
            from states where state < 3 or not is_never_resolved
        )
        select
            code('F', case_key) as case_no,
            code('D', person_id * 2 + 0) as service_no, kind, topic, local_iso(opened_s) as opened_at,
            case when state >= 2 then local_iso(answered_s) end as first_response_at,
            case when state = 3 then local_iso(resolved_s) end as resolved_at,
            cast(case when state = 3 then reopened else 0 end as varchar) as reopened_count,
            money(case when state = 3 then compensation_cents else 0 end) as compensation,
            local_iso(version_s) as updated_at, '0' as deleted,
            case when state = 3 then compensation_cents else 0 end as _compensation_cents, kind as _kind,
            state as _state, answered_s - opened_s as _response_seconds, resolved_s - opened_s as _resolve_seconds,
            case when state = 3 then reopened else 0 end as _reopened,
            case_key as _id, case_key * 4 + state as _key, day_of(version_s) as _day,
            version_s as _version_s, cast(null as text) as _parent_reason
        from dated
    """


def _surveys() -> str:
    """Scores follow the experience: csat (1-5) and ces (1-7) after a case, nps (0-10) after an order."""
    return f"""
        with asked as (
            select case_key * 4 as survey_key, person_id, 'csat' as kind, case_key, resolved_s + 7_200 as asked_s,
                case when handled = 2 then 1.6 when kind = 'complaint' then 4.0 else 4.4 end as middle,
                1 as lowest, 5 as highest
            from desk_cases where not is_never_resolved and u('csat', case_key) < 0.4
            union all
            select case_key * 4 + 1, person_id, 'ces', case_key, resolved_s + 7_200,
                case when handled = 2 then 2.4 else 5.8 end, 1, 7
            from desk_cases where not is_never_resolved and u('ces', case_key) < 0.15
            union all
            select purchase_id * 8 + 7, person_id, 'nps', null,
                at_s + {_span("nps when", "purchase_id", 9 * SECONDS_A_DAY, 14 * SECONDS_A_DAY)},
                case when handled = 2 then 3.0 when failure > 0 and handled = 0 then 5.6 when failure > 0 then 7.4
                    else 8.3 end, 0, 10
            from shop_orders where u('nps', purchase_id) < {NPS_SHARE}
        ),
        scored as (
            select *, least(highest, greatest(lowest, cast(round(middle + (highest - lowest) * 0.28
                * (u('score', survey_key) + u('score too', survey_key) + u('score three', survey_key) - 1.5)) as int)))
                as score
            from asked
        )
        select
            code('Q', survey_key) as survey_no, code('D', person_id * 2 + 0) as service_no, kind,
            cast(score as varchar) as score,
            case when u('remarks', survey_key) < 0.2 then pick({texts(REMARKS)}, u('remark',
                survey_key)) end as comment,
            case when case_key is not null then code('F', case_key) end as case_no,
            local_iso(asked_s) as responded_at, local_iso(asked_s) as updated_at,
            score as _score, kind as _kind, survey_key as _id, survey_key as _key, day_of(asked_s) as _day,
            asked_s as _version_s, cast(null as text) as _parent_reason
        from scored
    """


def _customers(company: Company) -> str:
    """A record is written at the first contact, and again when the person says that something in it has changed."""
    seen = f"""
        select service_no, min(person_id) as person_id, min(started_s) as created_s, any_value(is_second) as is_second
        from (
            select service_no, person_id, started_s, is_second from desk_contacts
            union all
            select code('D', person_id * 2 + 0), person_id, opened_s, false from desk_cases
            union all
            select code('D', person_id * 2 + 0), person_id, at_s + 86400, false from shop_orders
            where u('nps', purchase_id) < {NPS_SHARE}
        ) group by service_no
    """
    versions = f"""
        select service_no, person_id, person_id * 2 + cast(is_second as int) as record_key, created_s, is_second,
            unnest([created_s, changed_s]) as recorded_s, unnest([1, 2]) as version
        from (
            select seen.*, least(people.married_s, people.new_phone_s, people.new_email_s) as changed_s
            from ({seen}) as seen inner join people using (person_id)
        )
    """
    wanted = f"""
        select * from ({versions})
        where version = 1 or (recorded_s > created_s + {SECONDS_A_DAY} and recorded_s < {company.end}
            and u('tells the desk', record_key) < 0.4)
    """
    loyalty = f"case when u('desk loyalty', record_key) < {NO_LOYALTY_RATE} then record_loyalty end"
    return f"""
        select
            service_no, record_name as name, record_phone as phone, record_email as email,
            {loyalty} as loyalty_no,
            local_iso(created_s) as created_at, local_iso(recorded_s) as updated_at,
            {said(email="said_email", phone="said_phone", loyalty=loyalty, **SAID_NAME)},
            person_id as _person, record_key as _id, record_key * 2 + version - 1 as _key, day_of(recorded_s) as _day,
            recorded_s as _version_s, cast(null as text) as _parent_reason
        from ({record(company, "service", wanted)})
        qualify version = 1 or [name, phone, email] is distinct from lag([name, phone, email]) over (
            partition by record_key order by version)
    """
