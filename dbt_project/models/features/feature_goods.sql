-- Grain: one row per (customer_id, as_of_date) of feature_purchases: categories and returns by then. Key: both.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

category_firsts as (
    select
        lines.customer_id,
        products.category,
        min(greatest(lines.order_date, lines.known_date)) as first_date
    from {{ ref('fct_order_line') }} as lines
    inner join {{ ref('dim_product') }} as products on lines.product_id = products.product_id
    where products.category is not null and lines.is_sale
    group by lines.customer_id, products.category
),

categories as (
    select
        category_firsts.customer_id,
        feature_dates.as_of_date,
        count(*) as categories
    from category_firsts
    inner join feature_dates on category_firsts.first_date <= feature_dates.as_of_date
    group by category_firsts.customer_id, feature_dates.as_of_date
),

refunds as (
    select
        returns.customer_id,
        feature_dates.as_of_date,
        sum({{ measure('fct_return', 'refunds') }}) as refund_amount,
        sum(case when {{ days_between('returns.return_date', 'feature_dates.as_of_date') }} < 84 then 1 else 0 end)
            as returns_84d
    from {{ ref('fct_return') }} as returns
    inner join feature_dates
        on returns.return_date <= feature_dates.as_of_date and returns.known_date <= feature_dates.as_of_date
    group by returns.customer_id, feature_dates.as_of_date
),

grouped as (
    select
        coalesce(categories.customer_id, refunds.customer_id) as customer_id,
        coalesce(categories.as_of_date, refunds.as_of_date) as as_of_date,
        categories.categories,
        refunds.returns_84d,
        refunds.refund_amount
    from categories
    full outer join refunds
        on categories.customer_id = refunds.customer_id and categories.as_of_date = refunds.as_of_date
),

final as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        {{ feature('categories', 'products') }},
        {{ feature('returns_84d', 'returns') }},
        {{ feature('refund_amount', 'returns', 'decimal') }}
    from {{ ref('feature_purchases') }} as purchases
    left join grouped
        on purchases.customer_id = grouped.customer_id and purchases.as_of_date = grouped.as_of_date
)

select * from final
