-- Grain: one row per (customer, month) in which something happened. Sums over it equal those of the facts.
-- net_revenue = net_sales - refund_amount (of sales; other_refund_amount is of fees and bad debt).
-- margin = net_revenue + recovered_amount - cost_amount: before the four kinds of costs, which stand beside it.
-- Costs and contacts that no source provides are null, not zero.
{% set has = var('providers') %}
{% set kinds = ['acquisition', 'selling', 'service', 'retention'] %}
{% set counted = [
    ('contacts', 'contacts', 'fct_contact', 'contact_date'),
    ('cases', 'cases', 'fct_case', 'opened_date'),
    ('survey_responses', 'survey_responses', 'fct_survey_response', 'response_date'),
    ('web_sessions', 'web_events', 'fct_web_session', 'session_date'),
] %}

with orders as (
    select
        customer_id,
        cast(date_trunc('month', order_date) as date) as month_start_date,
        count(*) as orders,
        sum(case when is_purchase then 1 else 0 end) as purchases,
        count(distinct case when is_purchase then order_date end) as purchase_days,
        sum(lines) as lines,
        sum(quantity) as quantity,
        sum(list_amount) as list_amount,
        sum(discount_amount) as discount_amount,
        sum(coupon_discount_amount) as coupon_discount_amount,
        sum(manufacturer_coupon_amount) as manufacturer_coupon_amount,
        sum(goods_amount) as goods_amount,
        sum(shipping_amount) as shipping_amount,
        sum(adjustment_amount) as adjustment_amount,
        sum(net_sales) as net_sales,
        sum(other_amount) as other_amount,
        sum(net_amount) as net_amount,
        case when count(cost_amount) = count(*) then sum(cost_amount) end as cost_amount
    from {{ ref('fct_order') }}
    group by customer_id, date_trunc('month', order_date)
),

refunds as (
    select
        customer_id,
        cast(date_trunc('month', return_date) as date) as month_start_date,
        count(*) as return_lines,
        sum(case when is_sale then refund_amount else 0 end) as refund_amount,
        sum(case when is_sale then 0 else refund_amount end) as other_refund_amount,
        sum(case when is_sale then coalesce(recovered_amount, 0) else 0 end) as recovered_amount
    from {{ ref('fct_return') }}
    group by customer_id, date_trunc('month', return_date)
),

campaigns as (
    select
        customer_id,
        cast(date_trunc('month', contact_date) as date) as month_start_date,
        count(*) as campaign_contacts
    from {{ ref('fct_campaign_contact') }}
    where contact_date is not null and arm <> 'control'
    group by customer_id, date_trunc('month', contact_date)
),

{%- for name, entity, fact, date in counted %}
{{ name }} as (
    select
        customer_id,
        cast(date_trunc('month', {{ date }}) as date) as month_start_date,
        count(*) as {{ name }}
    from {{ ref(fact) }}
    group by customer_id, date_trunc('month', {{ date }})
),

{% endfor %}
costs as (
    select
        customer_id,
        {%- for kind in kinds %}
        sum(case when kind = '{{ kind }}' then amount else 0 end) as {{ kind }}_cost,
        {%- endfor %}
        cast(date_trunc('month', cost_date) as date) as month_start_date
    from {{ ref('fct_cost_allocation') }}
    group by customer_id, date_trunc('month', cost_date)
),

known_kinds as (
    select
        {{ is_cost_known('acquisition') }} as has_acquisition,
        {{ is_cost_known('selling') }} as has_selling,
        {{ is_cost_known('service') }} as has_service,
        {{ is_cost_known('retention') }} as has_retention
    from {{ ref('fct_cost_allocation') }}
),

months as (
    {%- for name in ['orders', 'refunds', 'campaigns'] + counted | map('first') | list + ['costs'] %}
    select
        customer_id,
        month_start_date
    from {{ name }}
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        months.customer_id,
        months.month_start_date,
        {%- for column in ['orders', 'purchases', 'purchase_days', 'lines'] %}
        coalesce(cast(orders.{{ column }} as bigint), 0) as {{ column }},
        {%- endfor %}
        coalesce(refunds.return_lines, 0) as return_lines,
        coalesce(campaigns.campaign_contacts, 0) as campaign_contacts,
        {%- for name, entity, fact, date in counted %}
        {{ 'coalesce(' ~ name ~ '.' ~ name ~ ', 0)' if has.get(entity) else 'cast(null as bigint)' }} as {{ name }},
        {%- endfor %}
        cast(orders.quantity as {{ contract_type('decimal') }}) as quantity,
        {%- for column in [
            'list_amount', 'discount_amount', 'coupon_discount_amount', 'manufacturer_coupon_amount', 'goods_amount',
            'shipping_amount', 'adjustment_amount', 'net_sales', 'other_amount', 'net_amount',
        ] %}
        cast(coalesce(orders.{{ column }}, 0) as {{ contract_type('decimal') }}) as {{ column }},
        {%- endfor %}
        {%- for column in ['refund_amount', 'other_refund_amount', 'recovered_amount'] %}
        cast(coalesce(refunds.{{ column }}, 0) as {{ contract_type('decimal') }}) as {{ column }},
        {%- endfor %}
        cast(coalesce(orders.net_sales, 0) - coalesce(refunds.refund_amount, 0) as {{ contract_type('decimal') }})
            as net_revenue,
        cast(orders.cost_amount as {{ contract_type('decimal') }}) as cost_amount,
        {%- for kind in kinds %}
        cast(
            case when known_kinds.has_{{ kind }} then coalesce(costs.{{ kind }}_cost, 0) end
            as {{ contract_type('decimal') }}
        ) as {{ kind }}_cost,
        {%- endfor %}
        cast(
            coalesce(orders.net_sales, 0) - coalesce(refunds.refund_amount, 0) + coalesce(refunds.recovered_amount, 0)
            - case when orders.customer_id is null then 0 else orders.cost_amount end
            as {{ contract_type('decimal') }}
        ) as margin
    from months
    cross join known_kinds
    {%- for name in ['orders', 'refunds', 'campaigns'] + counted | map('first') | list + ['costs'] %}
    left join {{ name }}
        on months.customer_id = {{ name }}.customer_id and months.month_start_date = {{ name }}.month_start_date
    {%- endfor %}
)

{{ with_version('customer', 'final', 'last_day(month_start_date)') }}
