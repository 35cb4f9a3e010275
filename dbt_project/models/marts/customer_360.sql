-- Grain: one row per customer_id: everything known of a customer on the as-of date, and nothing personal.
{% set money = contract_type('decimal') %}

with customers as (
    select * from {{ ref('part_customer') }}
),

segments as (
    select * from {{ ref('customer_segments') }}
),

clv as (
    select * from {{ ref('customer_clv') }}
),

churn as (
    select * from {{ ref('customer_churn') }}
),

final as (
    select
        customers.customer_id,
        {{ as_of_date() }} as as_of_date,
        customers.source_system,
        customers.kind,
        customers.country,
        customers.acquisition_channel,
        customers.first_order_date,
        customers.last_order_date,
        customers.purchases as orders,
        cast(customers.purchase_sales / nullif(customers.purchases, 0) as decimal(18, 2)) as average_order,
        cast(customers.net_sales as {{ money }}) as net_sales,
        cast(customers.refund_amount as {{ money }}) as refund_amount,
        cast(customers.net_sales - customers.refund_amount as {{ money }}) as net_revenue,
        clv.expected_next_order_date,
        segments.tier,
        segments.segment_id,
        segments.segment_name,
        segments.lifecycle_stage,
        segments.recency_score,
        segments.frequency_score,
        segments.monetary_score,
        clv.p_alive,
        clv.clv_historic,
        clv.clv_future,
        clv.clv_total,
        clv.is_clv_complete,
        churn.churn_probability,
        churn.risk_band,
        churn.expected_loss,
        cast(null as {{ contract_type('text') }}) as satisfaction,
        'no active source provides survey responses' as satisfaction_reason,
        cast(null as {{ contract_type('text') }}) as next_offer,
        'no offers are modelled yet' as next_offer_reason,
        cast(null as boolean) as can_mail,
        cast(null as boolean) as can_call,
        cast(null as boolean) as can_text,
        'no active source provides consents' as consent_reason,
        customers.is_left_truncated
    from customers
    inner join segments on customers.customer_id = segments.customer_id
    inner join clv on customers.customer_id = clv.customer_id
    inner join churn on customers.customer_id = churn.customer_id
)

select * from final
