-- Grain: one row per (run_id, measure, horizon_days, customer_id), for forecasts whose horizon is over: what was said
-- of a customer, beside what happened in the horizon_days after the as-of date of the forecast, as it is known on the
-- as-of date of this release.
-- A purchase is a day with at least one purchase. Net sales are those of days on which they are above zero, discounted
-- as the forecast is. A customer whose records have become those of another customer has no outcome of its own.
with published as (
    select
        run_id,
        job,
        model_version,
        as_of_date,
        customer_id,
        horizon_days,
        churn_probability,
        expected_purchases,
        annual_discount_rate,
        clv_future_before_returns,
        clv_future_p10_before_returns,
        clv_future_p90_before_returns
    from {{ ref('customer_score_history') }}
    where horizon_days is not null
),

first_horizons as (
    select distinct
        run_id,
        horizon_days
    from published
    where job = 'churn'
),

longer_horizons as (
    select
        horizons.run_id,
        'churn' as job,
        horizons.model_version,
        cast(horizons.as_of_date as date) as as_of_date,
        horizons.customer_id,
        horizons.horizon_days,
        horizons.churn_probability,
        cast(null as double) as expected_purchases,
        cast(null as double) as annual_discount_rate,
        cast(null as {{ contract_type('decimal') }}) as clv_future_before_returns,
        cast(null as {{ contract_type('decimal') }}) as clv_future_p10_before_returns,
        cast(null as {{ contract_type('decimal') }}) as clv_future_p90_before_returns
    from {{ scores('churn_horizons', history=true) }} as horizons
    inner join first_horizons
        on horizons.run_id = first_horizons.run_id and horizons.horizon_days > first_horizons.horizon_days
    where horizons.churn_probability is not null
),

every_forecast as (
    select * from published
    union all
    select * from longer_horizons
),

forecasts as (
    select
        *,
        {{ add_days('as_of_date', 'cast(horizon_days as int)') }} as window_end_date
    from every_forecast
),

closed as (
    select * from forecasts
    where window_end_date <= {{ as_of_date() }}
),

windows as (
    select distinct
        as_of_date,
        window_end_date,
        coalesce(annual_discount_rate, 0) as annual_discount_rate
    from closed
),

purchase_days as (
    select
        customer_id,
        order_date,
        sum(net_sales) as net_sales
    from {{ ref('fct_order') }}
    where is_purchase and {{ by_as_of('order_date') }}
    group by customer_id, order_date
),

happened as (
    select
        windows.as_of_date,
        windows.window_end_date,
        windows.annual_discount_rate,
        purchase_days.customer_id,
        count(*) as purchases,
        sum(
            case
                when purchase_days.net_sales > 0
                    then cast(
                        purchase_days.net_sales
                        / power(
                            1 + windows.annual_discount_rate,
                            {{ days_between('windows.as_of_date', 'purchase_days.order_date') }} / 364e0
                        ) as {{ contract_type('decimal') }}
                    )
            end
        ) as net_sales
    from windows
    inner join purchase_days
        on windows.as_of_date < purchase_days.order_date and windows.window_end_date >= purchase_days.order_date
    group by windows.as_of_date, windows.window_end_date, windows.annual_discount_rate, purchase_days.customer_id
),

graded as (
    select
        forecasts.run_id,
        forecasts.job,
        forecasts.model_version,
        forecasts.as_of_date,
        forecasts.window_end_date,
        forecasts.customer_id,
        cast(forecasts.horizon_days as int) as horizon_days,
        forecasts.churn_probability,
        forecasts.expected_purchases,
        forecasts.clv_future_before_returns,
        forecasts.clv_future_p10_before_returns as p10,
        forecasts.clv_future_p90_before_returns as p90,
        customers.customer_id is not null as is_known,
        coalesce(happened.purchases, 0) as purchases,
        coalesce(happened.net_sales, 0) as net_sales
    from closed as forecasts
    left join {{ ref('dim_customer') }} as customers on forecasts.customer_id = customers.customer_id
    left join happened
        on
            forecasts.customer_id = happened.customer_id
            and forecasts.as_of_date = happened.as_of_date
            and forecasts.window_end_date = happened.window_end_date
            and coalesce(forecasts.annual_discount_rate, 0) = happened.annual_discount_rate
)

{% set measures = [
    ('no_purchase', 'churn', 'churn_probability', 'case when purchases = 0 then 1 else 0 end', 'null'),
    ('purchases', 'clv', 'expected_purchases', 'purchases', 'null'),
    (
        'net_sales', 'clv', 'clv_future_before_returns', 'net_sales',
        'case when net_sales between p10 and p90 then 1 else 0 end',
    ),
] %}
{% for measure, job, forecast, outcome, is_within in measures %}
select
    run_id,
    '{{ measure }}' as measure,
    customer_id,
    job,
    model_version,
    as_of_date,
    window_end_date,
    horizon_days,
    is_known,
    cast({{ forecast }} as double) as forecast,
    cast(case when is_known then {{ outcome }} end as double) as outcome,
    cast(case when is_known then {{ is_within }} end as int) as is_within_interval
from graded
where job = '{{ job }}'
{{ 'union all' if not loop.last }}
{% endfor %}
