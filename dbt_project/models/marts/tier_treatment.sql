-- Grain: one row per tier: what its customers bring, what they are promised (seed tier_promises), and what they got in
-- the last 365 days, each event under the tier that the customer had on its day. 'none': who had no tier, prospects
-- and sales without a customer included, so that events add up to the facts.
{% set first_day = add_days(as_of_date(), -364) %}
{% set has_contacts = 'true' if var('providers').get('contacts') else 'false' %}
{% set has_cases = 'true' if var('providers').get('cases') else 'false' %}
{% set has_campaigns = 'true' if var('providers').get('campaign_contacts') else 'false' %}

with tiers as (
    select
        *,
        case when valid_from > {{ first_day }} then valid_from else {{ first_day }} end as counts_from,
        case when valid_to > {{ as_of_date() }} then {{ add_days(as_of_date(), 1) }} else valid_to end as counts_to
    from {{ ref('customer_tier_history') }}
),

years as (
    select
        tier,
        cast(sum({{ days_between('counts_from', 'counts_to') }}) as bigint) as customer_days
    from tiers
    where counts_to > counts_from
    group by tier
),

events as (
    select
        'contact' as event,
        customer_id,
        contact_date as event_date,
        cast(wait_seconds as bigint) as seconds
    from {{ ref('fct_contact') }}
    where direction = 'in' and contact_date >= {{ first_day }} and {{ by_as_of('contact_date') }}
    union all
    select
        'case' as event,
        customer_id,
        opened_date as event_date,
        case
            when {{ local_date('first_response_at') }} <= {{ as_of_date() }}
                then {{ seconds_between('opened_at', 'first_response_at') }}
        end as seconds
    from {{ ref('fct_case') }}
    where opened_date >= {{ first_day }} and {{ by_as_of('opened_date') }}
    union all
    select
        'campaign' as event,
        customer_id,
        contact_date as event_date,
        cast(null as bigint) as seconds
    from {{ ref('fct_campaign_contact') }}
    where arm <> 'control' and contact_date >= {{ first_day }} and {{ by_as_of('contact_date') }}
),

placed as (
    select
        events.event,
        events.seconds,
        coalesce(tiers.tier, 'none') as tier,
        case
            when events.event = 'contact' then promises.wait_seconds
            when events.event = 'case' then promises.first_response_hours * 3600
        end as promised_seconds
    from events
    left join tiers
        on
            events.customer_id = tiers.customer_id
            and events.event_date >= tiers.valid_from and events.event_date < tiers.valid_to
    left join {{ ref('tier_promises') }} as promises on tiers.tier = promises.tier
),

got as (
    select
        tier,
        sum(case when event = 'contact' then 1 else 0 end) as contacts,
        sum(case when event = 'case' then 1 else 0 end) as cases,
        sum(case when event = 'campaign' then 1 else 0 end) as campaign_contacts,
        avg(case when event = 'contact' then seconds end) as mean_wait_seconds,
        avg(case when event = 'case' then seconds end) as mean_response_seconds,
        avg(case when event = 'contact' then cast(seconds <= promised_seconds as int) end) as waits_kept_share,
        avg(case when event = 'case' then cast(seconds <= promised_seconds as int) end) as first_responses_kept_share
    from placed
    group by tier
),

brought as (
    select
        coalesce(tier, 'none') as tier,
        count(*) as customers,
        sum(case when is_unprofitable then 1 else 0 end) as unprofitable_customers,
        sum(tier_value) as tier_value,
        max(tier_value_basis) as tier_value_basis
    from {{ ref('customer_segments') }}
    group by coalesce(tier, 'none')
),

named (tier, tier_rank) as (
    values ('platinum', 1), ('gold', 2), ('iron', 3), ('lead', 4), ('inactive', 5), ('none', 6)
)

select
    named.tier,
    cast(named.tier_rank as int) as tier_rank,
    {{ as_of_date() }} as as_of_date,
    brought.tier_value_basis,
    coalesce(brought.customers, 0) as customers,
    case when brought.tier_value_basis = 'margin' then cast(brought.unprofitable_customers as bigint) end
        as unprofitable_customers,
    cast(brought.tier_value as {{ contract_type('total') }}) as tier_value,
    {{ rounded('cast(brought.tier_value as double) / nullif(cast(sum(brought.tier_value) over () as double), 0)', 6) }}
        as tier_value_share,
    promises.wait_seconds as promised_wait_seconds,
    promises.first_response_hours as promised_first_response_hours,
    promises.campaigns_a_year as promised_campaigns_a_year,
    case when {{ has_contacts }} then cast(coalesce(got.contacts, 0) as bigint) end as contacts,
    {{ rounded('got.mean_wait_seconds', 1) }} as mean_wait_seconds,
    {{ rounded('got.waits_kept_share', 6) }} as waits_kept_share,
    case when {{ has_cases }} then cast(coalesce(got.cases, 0) as bigint) end as cases,
    {{ rounded('got.mean_response_seconds / 3600', 2) }} as mean_first_response_hours,
    {{ rounded('got.first_responses_kept_share', 6) }} as first_responses_kept_share,
    case when {{ has_campaigns }} then cast(coalesce(got.campaign_contacts, 0) as bigint) end as campaign_contacts,
    case
        when {{ has_campaigns }}
            then {{ rounded('365.0 * coalesce(got.campaign_contacts, 0) / nullif(years.customer_days, 0)', 4) }}
    end as campaigns_a_year
from named
left join brought on named.tier = brought.tier
left join got on named.tier = got.tier
left join years on named.tier = years.tier
left join {{ ref('tier_promises') }} as promises on named.tier = promises.tier
