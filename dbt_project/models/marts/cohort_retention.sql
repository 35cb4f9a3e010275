-- Grain: one row per (cohort_month, dimension, dimension_value, months_since): what customers who first bought in a
-- month did in that month (0) and in each one since, to the as-of date. dimension: all, acquisition_channel,
-- first_department: that (without one, the category) of the dearest goods of the first purchase.
-- Sales without a customer are in no cohort.
-- Figures of small cohorts are withheld (docs/decisions.md).
{% set money = contract_type('decimal') %}

with bought as (
    select
        customer_id,
        first_order_date,
        cast(date_trunc('month', first_order_date) as date) as cohort_month,
        coalesce(acquisition_channel, 'unknown') as acquisition_channel
    from {{ ref('part_customer') }}
    where first_order_date is not null
),

first_goods as (
    select
        bought.customer_id,
        coalesce(products.department, products.category) as department,
        row_number() over (
            partition by bought.customer_id
            order by lines.ordered_at asc, lines.order_id asc, lines.net_amount desc, lines.order_line_id asc
        ) as place
    from bought
    inner join {{ ref('fct_order_line') }} as lines
        on bought.customer_id = lines.customer_id and bought.first_order_date = lines.order_date
    left join {{ ref('dim_product') }} as products on lines.product_id = products.product_id
    where lines.is_goods and lines.quantity >= 0 and {{ by_as_of('lines.order_date') }}
),

customers as (
    select
        bought.*,
        coalesce(first_goods.department, 'unknown') as first_department
    from bought
    left join first_goods on bought.customer_id = first_goods.customer_id and first_goods.place = 1
),

events as (
    select
        customer_id,
        order_date as event_date,
        case when is_purchase then 1 else 0 end as purchases,
        net_sales as net_revenue,
        cost_amount is null as is_cost_unknown,
        net_sales - coalesce(cost_amount, 0) as margin,
        0 as acquisition_cost
    from {{ ref('fct_order') }}
    where {{ by_as_of('order_date') }}
    union all
    select
        customer_id,
        return_date as event_date,
        0 as purchases,
        -{{ measure('fct_return', 'refunds') }} as net_revenue,
        false as is_cost_unknown,
        {{ measure('fct_return', 'recovered') }} - {{ measure('fct_return', 'refunds') }} as margin,
        0 as acquisition_cost
    from {{ ref('fct_return') }}
    where {{ by_as_of('return_date') }}
    union all
    select
        customer_id,
        cost_date as event_date,
        0 as purchases,
        0 as net_revenue,
        false as is_cost_unknown,
        0 as margin,
        amount as acquisition_cost
    from {{ ref('fct_cost_allocation') }}
    where kind = 'acquisition' and {{ by_as_of('cost_date') }}
),

customer_months as (
    select
        customers.customer_id,
        customers.cohort_month,
        customers.acquisition_channel,
        customers.first_department,
        {{ month_number('events.event_date') }} - {{ month_number('customers.cohort_month') }} as months_since,
        sum(events.purchases) as purchases,
        sum(events.net_revenue) as net_revenue,
        max(case when events.is_cost_unknown then 1 else 0 end) as is_cost_unknown,
        sum(events.margin) as margin,
        sum(events.acquisition_cost) as acquisition_cost
    from customers
    inner join events on customers.customer_id = events.customer_id
    group by
        customers.customer_id, customers.cohort_month, customers.acquisition_channel, customers.first_department,
        {{ month_number('events.event_date') }}
),

sums as (
    select
        cohort_month,
        months_since,
        acquisition_channel,
        first_department,
        sum(case when purchases > 0 then 1 else 0 end) as active_customers,
        sum(purchases) as purchases,
        sum(net_revenue) as net_revenue,
        max(is_cost_unknown) as is_cost_unknown,
        sum(margin) as margin,
        sum(acquisition_cost) as acquisition_cost
    from customer_months
    group by grouping sets (
        (cohort_month, months_since), (cohort_month, months_since, acquisition_channel),
        (cohort_month, months_since, first_department)
    )
),

sizes as (
    select
        cohort_month,
        acquisition_channel,
        first_department,
        count(*) as cohort_customers
    from customers
    group by grouping sets ((cohort_month), (cohort_month, acquisition_channel), (cohort_month, first_department))
),

cohorts as (
    select
        *,
        case
            when acquisition_channel is not null then 'acquisition_channel'
            when first_department is not null then 'first_department'
            else 'all'
        end as dimension,
        coalesce(acquisition_channel, first_department, 'all') as dimension_value,
        case when coalesce(acquisition_channel, first_department) is not null then cohort_month end as family_month
    from sizes
),

judged as (
    select
        *,
        {{ is_withheld('cohort_customers', 'dimension, family_month', 'cohort_month, dimension_value') }} as is_withheld
    from cohorts
),

-- The parts of a month sum to it: they are withheld with it.
withheld_months as (
    select cohort_month from judged
    where dimension = 'all' and is_withheld
),

ages as (
    select distinct {{ month_number('date_day') }} as month_number
    from {{ ref('dim_date') }}
    where date_day <= {{ as_of_date() }}
),

cells as (
    select
        judged.cohort_month,
        judged.dimension,
        judged.dimension_value,
        ages.month_number - {{ month_number('judged.cohort_month') }} as months_since,
        judged.cohort_customers,
        judged.is_withheld or withheld_months.cohort_month is not null as is_withheld,
        coalesce(sums.active_customers, 0) as active_customers,
        coalesce(sums.purchases, 0) as purchases,
        coalesce(sums.net_revenue, 0) as net_revenue,
        coalesce(sums.margin, 0) as margin,
        coalesce(sums.acquisition_cost, 0) as acquisition_cost,
        coalesce(sums.is_cost_unknown, 0) as is_cost_unknown
    from judged
    left join withheld_months on judged.cohort_month = withheld_months.cohort_month
    inner join ages on {{ month_number('judged.cohort_month') }} <= ages.month_number
    left join sums
        on
            judged.cohort_month = sums.cohort_month
            and ages.month_number - {{ month_number('judged.cohort_month') }} = sums.months_since
            and judged.acquisition_channel is not distinct from sums.acquisition_channel
            and judged.first_department is not distinct from sums.first_department
),

known_kinds as (
    select
        {{ known_cost_kinds() }}
    from {{ ref('fct_cost_allocation') }}
),

summed as (
    select
        cells.*,
        known_kinds.has_acquisition,
        sum(cells.margin) over to_date as margin_to_date,
        sum(cells.acquisition_cost) over to_date as acquisition_cost_to_date,
        max(cells.is_cost_unknown) over to_date as is_cost_unknown_to_date
    from cells
    cross join known_kinds
    window to_date as (
        partition by cells.dimension, cells.dimension_value, cells.cohort_month order by cells.months_since
    )
),

final as (
    select
        cohort_month,
        dimension,
        dimension_value,
        cast(months_since as bigint) as months_since,
        {{ as_of_date() }} as as_of_date,
        case
            when is_withheld then 'of too few customers'
            when is_cost_unknown_to_date = 1 then 'the cost of a part of the goods is not known'
        end as unavailable_reason,
        cohort_customers,
        cast(case when not is_withheld then active_customers end as bigint) as active_customers,
        case when not is_withheld then {{ quotient('active_customers', 'cohort_customers', 6) }} end as active_share,
        cast(case when not is_withheld then purchases end as bigint) as purchases,
        cast(case when not is_withheld then net_revenue end as {{ money }}) as net_revenue,
        cast(case when not is_withheld and is_cost_unknown = 0 then margin end as {{ money }}) as margin,
        cast(case when not is_withheld and is_cost_unknown_to_date = 0 then margin_to_date end as {{ money }})
            as margin_to_date,
        cast(case when not is_withheld and has_acquisition then acquisition_cost end as {{ money }})
            as acquisition_cost,
        cast(case when not is_withheld and has_acquisition then acquisition_cost_to_date end as {{ money }})
            as acquisition_cost_to_date
    from summed
)

select * from final
