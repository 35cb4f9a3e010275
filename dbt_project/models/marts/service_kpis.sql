-- Grain: one row per (month, dimension, dimension_value): what the service desk had to do, and how it went.
-- Each figure is dated on its own event: contacts on the contact, cases on the opening, first responses on the
-- response, resolutions on the last resolution. Times are elapsed hours between instants.
-- Channel and agent of a case are those of its first contact. The tier is the customer's on the as-of date.
-- A call that is transferred is a contact of each agent; the case behind it had two, and was not resolved at the first.
{% set has_contacts = 'true' if var('providers').get('contacts') else 'false' %}
{% set has_cases = 'true' if var('providers').get('cases') else 'false' %}

with tiers as (
    select
        customer_id,
        tier
    from {{ ref('customer_segments') }}
),

contacts as (
    select * from {{ ref('fct_contact') }}
    where {{ by_as_of('contact_date') }}
),

case_contacts as (
    select
        case_id,
        channel,
        agent_id,
        count(*) over (partition by case_id) as contacts,
        row_number() over (partition by case_id order by contacted_at, contact_id) as place
    from contacts
    where case_id <> 'not_in_data'
),

cases as (
    select
        cases.*,
        case_contacts.channel,
        case_contacts.agent_id,
        case_contacts.contacts,
        {{ local_date('cases.first_response_at') }} as response_date
    from {{ ref('fct_case') }} as cases
    left join case_contacts on cases.case_id = case_contacts.case_id and case_contacts.place = 1
    where {{ by_as_of('cases.opened_date') }}
),

events as (
    select
        'contact' as event,
        contact_date as event_date,
        customer_id,
        channel,
        agent_id,
        reason,
        direction = 'in' as is_inbound,
        is_abandoned,
        false as is_complaint,
        cast(null as bigint) as reopened_count,
        cast(null as bigint) as contacts,
        wait_seconds as seconds,
        cost_amount
    from contacts
    union all
    select
        'opening' as event,
        opened_date as event_date,
        customer_id,
        channel,
        agent_id,
        reason,
        false as is_inbound,
        cast(null as boolean) as is_abandoned,
        coalesce(kind = 'complaint', false) as is_complaint,
        reopened_count,
        contacts,
        cast(null as bigint) as seconds,
        null as cost_amount
    from cases
    union all
    select
        'response' as event,
        response_date as event_date,
        customer_id,
        channel,
        agent_id,
        reason,
        false as is_inbound,
        cast(null as boolean) as is_abandoned,
        false as is_complaint,
        reopened_count,
        contacts,
        {{ seconds_between('opened_at', 'first_response_at') }} as seconds,
        null as cost_amount
    from cases
    where response_date <= {{ as_of_date() }} and first_response_at >= opened_at
    union all
    select
        'resolution' as event,
        resolved_date as event_date,
        customer_id,
        channel,
        agent_id,
        reason,
        false as is_inbound,
        cast(null as boolean) as is_abandoned,
        false as is_complaint,
        reopened_count,
        contacts,
        case when resolved_at >= opened_at then {{ seconds_between('opened_at', 'resolved_at') }} end as seconds,
        null as cost_amount
    from cases
    where resolved_date <= {{ as_of_date() }}
),

sums as (
    select
        cast(date_trunc('month', events.event_date) as date) as month_start_date,
        coalesce(events.channel, 'unknown') as by_channel,
        {{ "coalesce(events.agent_id, 'unknown')" if of_build('agent_figures') else 'null' }} as by_agent,
        coalesce(tiers.tier, 'unknown') as by_tier,
        coalesce(events.reason, 'unknown') as by_reason,
        count(case when event = 'contact' then 1 end) as contacts,
        count(case when event = 'contact' and is_inbound then 1 end) as inbound_contacts,
        count(case when event = 'contact' and is_inbound and is_abandoned then 1 end) as abandoned_contacts,
        count(case when event = 'contact' and is_inbound then is_abandoned end) as abandonment_known,
        sum(
            case when event = 'contact' and is_inbound and not coalesce(is_abandoned, false) then seconds end
        ) as wait_seconds,
        count(
            case when event = 'contact' and is_inbound and not coalesce(is_abandoned, false) then seconds end
        ) as wait_known,
        sum(case when event = 'contact' then cost_amount end) as contact_cost,
        count(case when event = 'opening' then 1 end) as cases,
        count(case when event = 'opening' and is_complaint then 1 end) as complaints,
        count(case when event = 'response' then 1 end) as answered_cases,
        sum(case when event = 'response' then seconds end) as response_seconds,
        count(case when event = 'resolution' then 1 end) as resolved_cases,
        sum(case when event = 'resolution' then seconds end) as resolve_seconds,
        count(case when event = 'resolution' then seconds end) as resolve_known,
        count(case when event = 'resolution' and reopened_count > 0 then 1 end) as reopened_cases,
        count(case when event = 'resolution' then reopened_count end) as reopen_known,
        count(case when event = 'resolution' and contacts = 1 and reopened_count = 0 then 1 end) as first_contact,
        count(case when event = 'resolution' and contacts > 0 then reopened_count end) as with_contact
    from events
    left join tiers on events.customer_id = tiers.customer_id
    group by grouping sets (
        (month_start_date), (month_start_date, by_channel), (month_start_date, by_tier), (month_start_date, by_reason)
        {%- if of_build('agent_figures') %}, (month_start_date, by_agent){% endif %}
    )
),

cells as (
    select
        *,
        case
            when by_channel is not null then 'channel'
            when by_agent is not null then 'agent'
            when by_tier is not null then 'tier'
            when by_reason is not null then 'reason'
            else 'all'
        end as dimension,
        coalesce(by_channel, by_agent, by_tier, by_reason, 'all') as dimension_value
    from sums
),

orders as (
    select
        cast(date_trunc('month', orders.order_date) as date) as month_start_date,
        coalesce(tiers.tier, 'unknown') as by_tier,
        sum(case when orders.is_purchase then 1 else 0 end) as purchases
    from {{ ref('fct_order') }} as orders
    left join tiers on orders.customer_id = tiers.customer_id
    where {{ by_as_of('orders.order_date') }}
    group by grouping sets ((month_start_date), (month_start_date, by_tier))
),

purchases as (
    select
        month_start_date,
        case when by_tier is null then 'all' else 'tier' end as dimension,
        coalesce(by_tier, 'all') as dimension_value,
        purchases
    from orders
),

starts as (
    select
        min(case when event = 'contact' then date_trunc('month', event_date) end) as first_contact_month,
        min(case when event = 'opening' then date_trunc('month', event_date) end) as first_case_month
    from events
),

judged as (
    select
        cells.*,
        coalesce(cells.month_start_date, purchases.month_start_date) as kpi_month,
        coalesce(cells.dimension, purchases.dimension) as kpi_dimension,
        coalesce(cells.dimension_value, purchases.dimension_value) as kpi_value,
        coalesce(
            purchases.purchases, case when cells.dimension = 'tier' then 0 end, of_month.purchases, 0
        ) as purchases,
        case
            when not {{ has_contacts }} then 'no active source provides contacts'
            when starts.first_contact_month is null then 'there are no data'
            when coalesce(cells.month_start_date, purchases.month_start_date) < starts.first_contact_month
                then 'before the first data'
        end as contacts_reason,
        case
            when not {{ has_cases }} then 'no active source provides cases'
            when starts.first_case_month is null then 'there are no data'
            when coalesce(cells.month_start_date, purchases.month_start_date) < starts.first_case_month
                then 'before the first data'
        end as cases_reason
    from cells
    full join purchases
        on
            cells.month_start_date = purchases.month_start_date
            and cells.dimension = purchases.dimension
            and cells.dimension_value = purchases.dimension_value
    left join purchases as of_month
        on cells.month_start_date = of_month.month_start_date and of_month.dimension = 'all'
    cross join starts
),

final as (
    select
        kpi_month as month_start_date,
        kpi_dimension as dimension,
        kpi_value as dimension_value,
        contacts_reason,
        cases_reason,
        cast(purchases as bigint) as purchases,
        case when contacts_reason is null then coalesce(contacts, 0) end as contacts,
        case when contacts_reason is null then coalesce(inbound_contacts, 0) end as inbound_contacts,
        case when contacts_reason is null then coalesce(abandoned_contacts, 0) end as abandoned_contacts,
        {{ quotient('abandoned_contacts', 'abandonment_known', 6) }} as abandonment_rate,
        {{ quotient('wait_seconds', 'wait_known', 2) }} as wait_seconds,
        cast(contact_cost as {{ contract_type('decimal') }}) as contact_cost,
        case when cases_reason is null then coalesce(cases, 0) end as cases,
        case when cases_reason is null then coalesce(complaints, 0) end as complaints,
        case
            when cases_reason is null then {{ quotient('coalesce(complaints, 0)', 'purchases', 6) }}
        end as complaint_rate,
        case when cases_reason is null then coalesce(answered_cases, 0) end as answered_cases,
        {{ quotient('response_seconds', '(answered_cases * 3600)', 4) }} as hours_to_first_response,
        case when cases_reason is null then coalesce(resolved_cases, 0) end as resolved_cases,
        {{ quotient('resolve_seconds', '(resolve_known * 3600)', 4) }} as hours_to_resolve,
        {{ quotient('first_contact', 'with_contact', 6) }} as first_contact_resolution,
        {{ quotient('reopened_cases', 'reopen_known', 6) }} as reopen_rate
    from judged
)

select * from final
