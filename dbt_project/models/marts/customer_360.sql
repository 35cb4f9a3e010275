-- Grain: one row per customer_id: everything known of a customer on the as-of date, and nothing personal.
{% set money = contract_type('decimal') %}
{% set has = var('providers') %}

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

service as (
    select * from {{ ref('part_customer_service') }}
),

consents as (
    select * from {{ ref('part_customer_consent') }}
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
        service.satisfaction,
        service.satisfaction_kind,
        case
            when service.satisfaction is null
                then {{ "'has answered no NPS or CSAT survey'" if has.get('survey_responses')
                    else "'no active source provides survey responses'" }}
        end as satisfaction_reason,
        {%- for column, entity in [
            ('contacts_365d', 'contacts'), ('open_cases', 'cases'), ('cases_365d', 'cases'), ('complaints_365d', 'cases'),
        ] %}
        cast({{ 'coalesce(service.' ~ column ~ ', 0)' if has.get(entity) else 'null' }} as bigint) as {{ column }},
        {%- endfor %}
        {%- for entity in ['contacts', 'cases'] %}
        cast(
            {{ 'null' if has.get(entity) else "'no active source provides " ~ entity ~ "'" }}
            as {{ contract_type('text') }}
        ) as {{ entity }}_reason,
        {%- endfor %}
        service.satisfaction_date,
        service.last_contact_date,
        cast(null as {{ contract_type('text') }}) as next_offer,
        'no offers are modelled yet' as next_offer_reason,
        {{ permission(['consents.can_email', 'consents.can_post']) }} as can_mail,
        {{ permission(['consents.can_call']) }} as can_call,
        {{ permission(['consents.can_text']) }} as can_text,
        {{ consent_reason() }} as consent_reason,
        customers.is_left_truncated
    from customers
    inner join segments on customers.customer_id = segments.customer_id
    inner join clv on customers.customer_id = clv.customer_id
    inner join churn on customers.customer_id = churn.customer_id
    left join service on customers.customer_id = service.customer_id
    left join consents on customers.customer_id = consents.customer_id
)

select * from final
