-- Grain: one row per customer_id, and the unknown customer for sales without a customer. No personal data.
-- Attributes are those of the founding record or, where it has none, of the customer's newest record that has them;
-- acquisition_channel and created_at are those of the first record that has them. One record of an organisation makes
-- the customer an organisation.
-- is_left_truncated: first bought so soon after its source's data begin that it may well be older than the data.
-- A source whose yml says `history: complete` holds every customer's first purchase: none of its customers is.
{% set complete_sources = var('history').items() | selectattr(1, 'equalto', 'complete') | map(attribute=0) | list %}

with source_customers as (
    select *
    from {{ ref('int_source_customers') }}
    where {{ only_changed(ref('customers_changed'), ['customer_id']) }}
),

purchases as (
    select
        customer_id,
        source_system,
        min(order_date) as first_purchase_date,
        row_number() over (partition by customer_id order by min(order_date), source_system) as source_number
    from {{ ref('fct_order') }}
    where is_purchase and {{ rows_of_changed(ref('fct_order'), ref('customers_changed'), 'customer_id') }}
    group by customer_id, source_system
),

records as (
    select
        source_customers.customer_id,
        source_customers.source_system,
        source_customers.record_number,
        source_customers.first_seen_at,
        customers.kind,
        customers.country,
        customers.acquisition_channel,
        customers.created_at
    from source_customers
    left join {{ ref('int_customers__known') }} as customers
        on source_customers.source_record_key = customers.source_record_key
),

resolved as (
    select
        customer_id,
        max(case when record_number = 1 then source_system end) as source_system,
        coalesce(
            max(case when kind = 'organisation' then kind end),
            max(case when record_number = 1 then kind end),
            max_by(kind, record_number) filter (where kind is not null)
        ) as kind,
        coalesce(
            max(case when record_number = 1 then country end),
            max_by(country, record_number) filter (where country is not null)
        ) as country,
        min_by(acquisition_channel, record_number) filter (where acquisition_channel is not null)
            as acquisition_channel,
        coalesce(
            min_by(source_system, record_number) filter (where kind = 'organisation'),
            max(case when record_number = 1 and kind is not null then source_system end),
            max_by(source_system, record_number) filter (where kind is not null)
        ) as kind_source,
        coalesce(
            max(case when record_number = 1 and country is not null then source_system end),
            max_by(source_system, record_number) filter (where country is not null)
        ) as country_source,
        min_by(source_system, record_number) filter (where acquisition_channel is not null)
            as acquisition_channel_source,
        min_by(created_at, record_number) filter (where created_at is not null) as created_at,
        count(*) as records,
        count(distinct source_system) as source_systems,
        min(first_seen_at) as first_seen_at
    from records
    group by customer_id
),

known as (
    select
        resolved.customer_id,
        resolved.source_system,
        resolved.kind,
        resolved.country,
        resolved.acquisition_channel,
        resolved.kind_source,
        resolved.country_source,
        resolved.acquisition_channel_source,
        resolved.records,
        resolved.source_systems,
        resolved.created_at,
        resolved.first_seen_at,
        purchases.first_purchase_date,
        coalesce(
            purchases.source_system not in ({{ text_list(complete_sources + ['']) }})
            and purchases.first_purchase_date
            < {{ add_days('source_starts.first_order_date', var('left_truncation_days')) }},
            false
        ) as is_left_truncated,
        false as is_unknown
    from resolved
    left join purchases on resolved.customer_id = purchases.customer_id and purchases.source_number = 1
    left join {{ ref('first_order_dates') }} as source_starts on purchases.source_system = source_starts.source_system
),

unknown as (
    select
        'unknown' as customer_id,
        'unknown' as source_system,
        null as kind,
        null as country,
        null as acquisition_channel,
        null as kind_source,
        null as country_source,
        null as acquisition_channel_source,
        cast(0 as bigint) as records,
        cast(0 as bigint) as source_systems,
        cast(null as timestamp) as created_at,
        cast(null as timestamp) as first_seen_at,
        cast(null as date) as first_purchase_date,
        false as is_left_truncated,
        true as is_unknown
    where {{ only_changed(ref('customers_changed'), ['customer_id'], ["'unknown'"]) }}
),

final as (
    select * from known
    union all
    select * from unknown
)

select
    *,
    {{ customer_key('customer_id') }} as customer_key
from final
