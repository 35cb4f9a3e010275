-- Grain: one row per day, from the first of January before the first event to the end of the as-of year.
with bounds as (
    select
        cast(date_trunc('year', coalesce(min(order_date), {{ as_of_date() }})) as date) as first_day,
        cast(
            concat(cast(extract(year from {{ as_of_date() }}) as {{ contract_type('text') }}), '-12-31') as date
        ) as last_day
    from {{ ref('fct_order') }}
),

days as (
    {{ day_series('(select first_day from bounds)', '(select last_day from bounds)') }}
)

select
    date_day,
    cast(extract(year from date_day) as int) as year_number,
    cast(extract(quarter from date_day) as int) as quarter_of_year,
    cast(extract(month from date_day) as int) as month_of_year,
    cast(extract(day from date_day) as int) as day_of_month,
    cast(date_trunc('month', date_day) as date) as month_start_date,
    cast(date_trunc('week', date_day) as date) as week_start_date
from days
