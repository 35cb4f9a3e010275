-- Grain: one row per customer_id: everything known of a customer on the as-of date, and nothing personal.
{% set money = contract_type('decimal') %}
{% set has_contacts = 'true' if var('providers').get('contacts') else 'false' %}
{% set has_consents = 'true' if var('providers').get('consents') else 'false' %}
{% set has_products = 'true' if var('providers').get('products') else 'false' %}
{% set has_surveys = 'true' if var('providers').get('survey_responses') else 'false' %}
{% set has_cases = 'true' if var('providers').get('cases') else 'false' %}

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

offers as (
    select * from {{ ref('part_next_offer') }}
),

related as (
    select
        customer_id,
        max(case when kind = 'household' then related_id end) as household_key,
        max(case when kind = 'account' then related_id end) as account_key
    from {{ ref('bridge_customer_relationship') }}
    where is_counted
    group by customer_id
),

final as (
    select
        customers.customer_id,
        {{ as_of_date() }} as as_of_date,
        customers.source_system,
        customers.kind,
        customers.country,
        customers.acquisition_channel,
        related.household_key,
        related.account_key,
        customers.first_order_date,
        customers.last_order_date,
        customers.purchases,
        cast(
            {{ quotient('customers.purchase_sales', 'customers.purchases', currency_digits()) }} as {{ money }}
        ) as average_order,
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
            when service.satisfaction is not null then null
            when {{ has_surveys }} then 'has answered no NPS or CSAT survey'
            else 'no active source provides survey responses'
        end as satisfaction_reason,
        cast(case when {{ has_contacts }} then coalesce(service.contacts_365d, 0) end as bigint) as contacts_365d,
        cast(case when {{ has_cases }} then coalesce(service.open_cases, 0) end as bigint) as open_cases,
        cast(case when {{ has_cases }} then coalesce(service.cases_365d, 0) end as bigint) as cases_365d,
        cast(case when {{ has_cases }} then coalesce(service.complaints_365d, 0) end as bigint) as complaints_365d,
        case when not {{ has_contacts }} then 'no active source provides contacts' end as contacts_reason,
        case when not {{ has_cases }} then 'no active source provides cases' end as cases_reason,
        service.satisfaction_date,
        service.last_contact_date,
        offers.next_offer,
        case
            when offers.customer_id is not null then offers.next_offer_reason
            when {{ has_products }} then 'has bought no known product in the last two years'
            else 'no active source provides products'
        end as next_offer_reason,
        {{ permission(['consents.can_email', 'consents.can_post']) }} as can_email_or_post,
        {{ permission(['consents.can_call']) }} as can_call,
        {{ permission(['consents.can_text']) }} as can_text,
        case
            when consents.withheld_because is not null then consents.withheld_because
            when not {{ has_consents }} then 'no active source provides consents'
            when consents.customer_id is null then 'no marketing consent on record'
            when consents.can_email or consents.can_post or consents.can_call or consents.can_text then null
            when consents.has_unreadable then 'a consent on record cannot be read'
            else 'every marketing consent withdrawn'
        end as consent_reason,
        customers.is_left_truncated
    from customers
    inner join segments on customers.customer_id = segments.customer_id
    inner join clv on customers.customer_id = clv.customer_id
    inner join churn on customers.customer_id = churn.customer_id
    left join service on customers.customer_id = service.customer_id
    left join consents on customers.customer_id = consents.customer_id
    left join offers on customers.customer_id = offers.customer_id
    left join related on customers.customer_id = related.customer_id
)

select * from final
