{# Months whose net revenue differs from that of fct_customer_month, less what was not known on the as-of date. #}
{% test agrees_with_customer_months(model) %}
with booked as (
    select
        month_start_date,
        net_revenue as amount
    from {{ ref('fct_customer_month') }}
    union all
    select
        cast(date_trunc('month', order_date) as date) as month_start_date,
        -net_sales as amount
    from {{ ref('fct_order') }}
    where not ({{ by_as_of('order_date') }})
    union all
    select
        cast(date_trunc('month', return_date) as date) as month_start_date,
        {{ measure('fct_return', 'refunds') }} as amount
    from {{ ref('fct_return') }}
    where not ({{ by_as_of('return_date') }})
),

expected as (
    select
        month_start_date,
        sum(amount) as amount
    from booked
    group by month_start_date
),

found as (
    select
        month_start_date,
        value as amount
    from {{ model }}
    where metric = 'net_revenue' and dimension = 'all'
)

select
    month_start_date,
    expected.amount as expected,
    found.amount as found
from expected
full join found using (month_start_date)
where coalesce(expected.amount, 0) <> coalesce(found.amount, 0)
{% endtest %}

{# Months whose active customers are not those of the month before, plus new and reactivated ones, less churned ones. #}
{% test customers_flow(model) %}
with flows as (
    select
        month_start_date,
        max(case when metric = 'active_customers' then value end) as active,
        max(case when metric = 'new_customers' then value end) as joined,
        max(case when metric = 'reactivated_customers' then value end) as returned,
        max(case when metric = 'churned_customers' then value end) as churned
    from {{ model }}
    where dimension = 'all'
    group by month_start_date
),

compared as (
    select
        *,
        lag(active) over (order by month_start_date) as active_before
    from flows
)

select * from compared
where active <> active_before + joined + returned - churned
{% endtest %}
