-- Grain: one row per opportunity of the sales force. Key: opportunity_id.
-- The row is what the source says last: is_won is null while it is open.
with opportunities as (
    select * from {{ ref('int_opportunities') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

final as (
    select
        opportunities.source_system || ':' || opportunities.opportunity_id as opportunity_id,
        coalesce(source_customers.customer_id, 'unknown') as customer_id,
        coalesce(opportunities.source_system || ':' || opportunities.owner_id, 'unknown') as owner_id,
        opportunities.source_system,
        opportunities.stage,
        opportunities.amount,
        opportunities.is_won,
        {{ local_date('opportunities.opened_at') }} as opened_date,
        {{ local_date('opportunities.closed_at') }} as closed_date,
        {{ local_date('coalesce(opportunities._known_from, opportunities.opened_at)') }} as known_date,
        opportunities.opened_at,
        opportunities.closed_at
    from opportunities
    left join source_customers
        on
            opportunities.source_system = source_customers.source_system
            and opportunities.source_customer_id = source_customers.source_customer_id
)

{{ with_version('customer', 'final', 'opened_date') }}
