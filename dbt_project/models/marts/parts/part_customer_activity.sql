-- Grain: one row per (customer, month) from a purchase to the month in which 12 months without one are over.
-- Active: a purchase in the 12 months that end with the month. Every change is a row of its own:
-- active = active of the month before + new + reactivated - lapsed.
with purchases as (
    select
        customer_id,
        {{ month_number('order_date') }} as month_number,
        count(*) as purchases
    from {{ ref('fct_order') }}
    where is_purchase and customer_id <> 'unknown' and {{ by_as_of('order_date') }}
    group by customer_id, {{ month_number('order_date') }}
),

months as (
    select distinct
        cast(date_trunc('month', date_day) as date) as month_start_date,
        {{ month_number('date_day') }} as month_number
    from {{ ref('dim_date') }}
    where date_day <= {{ as_of_date() }}
),

neighbours as (
    select
        *,
        lag(month_number) over by_month as previous_number,
        lead(month_number) over by_month as next_number
    from purchases
    window by_month as (partition by customer_id order by month_number)
),

covered as (
    select
        neighbours.customer_id,
        months.month_start_date,
        months.month_number,
        case when months.month_number = neighbours.month_number then neighbours.purchases else 0 end as purchases,
        months.month_number < neighbours.month_number + 12 as is_active,
        months.month_number = neighbours.month_number and neighbours.previous_number is null as is_new,
        months.month_number = neighbours.month_number
        and coalesce(neighbours.month_number - neighbours.previous_number > 12, false) as is_reactivated
    from neighbours
    inner join months
        on
            neighbours.month_number <= months.month_number
            and months.month_number <= neighbours.month_number + 12
            and months.month_number < coalesce(neighbours.next_number, months.month_number + 1)
),

final as (
    select
        customer_id,
        month_start_date,
        is_active,
        is_new,
        is_reactivated,
        not is_active as is_lapsed,
        cast(sum(purchases) over (
            partition by customer_id order by month_number range between 11 preceding and current row
        ) as bigint) as purchases_12_months,
        coalesce(
            max(case when is_active then 1 else 0 end) over (
                partition by customer_id order by month_number range between 12 preceding and 12 preceding
            ) = 1,
            false
        ) as was_active_year_before,
        cast(month_start_date + interval 12 month as date) as year_later_date,
        month_start_date as known_date
    from covered
)

select * from final
