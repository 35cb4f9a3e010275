-- Grain: one row per (customer_id, part, line). Lines of a customer sum to customer_clv.clv_total, to the cent.
-- The unknown customer stands here too (not in customer_clv), so that every line sums to the facts.
-- A line that the data do not support has a null amount and its reason.
-- Future costs: expected purchase days, discounted and weighted by P(alive) as `repeat` is (clv_future over
-- expected_spend), times active months per purchase day, times costs per active month (part_future_rates).
{% set has = var('providers') %}
{% set no_costs = "'no active source provides costs of this kind'" %}
{% set no_unit_cost = "'the unit cost of some of the goods is in no active source'" %}
{% set no_returns = "'no active source provides returns'" %}
{% set no_categories = "'no product has a category: growth holds all of it'" %}
{% set cross_purchase = "case when products.with_category > 0 then coalesce(goods.cross_purchase, 0) end" %}
{% set unattributed = "case when customers.customer_id = 'unknown' then booked.goods_at_list else 0 end" %}
{% set not_scored %}
case
    when customers.customer_id = 'unknown' then 'sales without a customer have no future'
    else coalesce(scores.unavailable_reason, {{ no_known_purchase() }})
end
{%- endset %}
{% set no_future_goods %}
case when booked.cost_of_goods is null then {{ no_unit_cost }} else {{ not_scored }} end
{%- endset %}
{% set selling = 'coalesce(booked.fees + booked.selling, nullif(booked.fees, 0))' %}
{% set purchase_days = 'coalesce(scores.clv_future / nullif(scores.expected_spend, 0), scores.expected_purchases)' %}
{% set per_month = '-' ~ purchase_days ~ ' * rates.months_per_purchase_day * rates.' %}
{% set lines = [
    ('historic', 'first_purchase', 'goods.first_purchase', 'null'),
    ('historic', 'repeat', 'goods.repeat_purchase', 'null'),
    ('historic', 'growth', 'goods.growth', 'null'),
    ('historic', 'cross_purchase', cross_purchase, no_categories),
    ('historic', 'unattributed_sales', unattributed, 'null'),
    ('historic', 'price_realisation', 'booked.price_realisation', 'null'),
    ('historic', 'shipping_income', 'booked.shipping_income', 'null'),
    ('historic', 'adjustments', 'booked.adjustments', 'null'),
    ('historic', 'returns', 'coalesce(booked.returned, 0)' if has.get('returns') else 'null', no_returns),
    ('historic', 'cost_of_goods', 'booked.cost_of_goods', no_unit_cost),
    ('historic', 'selling', selling, no_costs),
    ('historic', 'bad_debt', 'booked.bad_debt', 'null'),
    ('historic', 'acquisition', 'booked.acquisition', no_costs),
    ('historic', 'retention', 'booked.retention', no_costs),
    ('historic', 'service', 'booked.service', no_costs),
    ('future', 'repeat', 'scores.clv_future', not_scored),
    ('future', 'returns', '-scores.clv_future * rates.refund_rate', no_returns if not has.get('returns') else not_scored),
    ('future', 'cost_of_goods', '-scores.clv_future * rates.cost_rate', no_future_goods),
] %}
{% for kind in ['selling', 'retention', 'service'] %}
{% set no_future = 'case when booked.' ~ kind ~ ' is null then ' ~ no_costs ~ ' else ' ~ not_scored ~ ' end' %}
{% do lines.append(('future', kind, per_month ~ kind ~ '_per_month', no_future)) %}
{% endfor %}

with customers as (
    select customer_id from {{ ref('part_customer') }}
    union all
    select customer_id from {{ ref('part_booked_amounts') }}
    where customer_id = 'unknown'
),

products as (
    select count(category) as with_category from {{ ref('dim_product') }}
),

amounts as (
    select
        customers.customer_id,
        {%- for part, line, amount, reason in lines %}
        {%- set digits = 2 if part == 'future' else 4 %}
        cast(round({{ amount }}, {{ digits }}) as {{ contract_type('decimal') }}) as {{ part }}_{{ line }},
        {%- if reason != 'null' %}
        {{ reason }} as {{ part }}_{{ line }}_reason,
        {%- endif %}
        {%- endfor %}
        scores.run_id
    from customers
    cross join products
    left join {{ ref('part_goods_split') }} as goods on customers.customer_id = goods.customer_id
    inner join {{ ref('part_booked_amounts') }} as booked on customers.customer_id = booked.customer_id
    left join {{ ref('part_future_rates') }} as rates on customers.customer_id = rates.customer_id
    left join {{ scores('clv') }} as scores on customers.customer_id = scores.customer_id
),

final as (
    {%- for part, line, amount, reason in lines %}
    {%- set column = part ~ '_' ~ line %}
    select
        customer_id,
        '{{ part }}' as part,
        '{{ line }}' as line,
        {{ loop.index }} as line_order,
        {% if reason == 'null' -%}
        coalesce({{ column }}, 0) as amount,
        cast(null as {{ contract_type('text') }}) as reason
        {%- else -%}
        {{ column }} as amount,
        case when {{ column }} is null then {{ column }}_reason end as reason
        {%- endif %}
    from amounts
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    customer_id,
    part,
    line,
    cast(line_order as int) as line_order,
    cast(amount as {{ contract_type('decimal') }}) as amount,
    reason
from final
