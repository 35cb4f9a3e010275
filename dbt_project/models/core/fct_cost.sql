-- Grain: one row per booked cost of a month. Key: cost_id. Who it is for is worked out in fct_cost_allocation.
-- A month's cost is known when the month is over, where its load does not say better. The rate is the first day's.
with costs as (
    select * from {{ ref('int_costs') }}
),

campaigns as (
    select source_system, source_id as source_campaign_id, core_id as campaign_id from {{ ref('int_references') }}
    where entity = 'campaigns'
),

final as (
    select
        costs.source_system || ':' || costs.cost_id as cost_id,
        coalesce(campaigns.campaign_id, 'unknown') as campaign_id,
        costs.source_system,
        costs.kind,
        coalesce(costs.channel, 'not_applicable') as channel,
        coalesce(costs.currency, '{{ var("currency") }}') as original_currency,
        costs.amount as original_amount,
        {{ converted('costs.amount') }} as amount,
        costs.period_start_date,
        coalesce({{ local_date('costs._known_from') }}, last_day(costs.period_start_date)) as known_date
    from costs
    left join campaigns
        on costs.source_system = campaigns.source_system and costs.campaign_id = campaigns.source_campaign_id
    {{ exchange_rates_on('costs.currency', 'costs.period_start_date') }}
)

select * from final
