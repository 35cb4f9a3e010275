-- Grain: one row per (customer_id, kind, offer_rank). Key: these.
-- The mining job offers ranks (mining/offers): what is due again, and what is new to the customer. Left out are items
-- that are no longer sold or that the customer returned in the last 90 days, and customers who were deleted at a
-- source or object to profiling. Probabilities are of things that may all happen: a customer's do not add up to one.
{% set has_returns = 'true' if var('providers').get('returns') else 'false' %}

with scores as (
    select * from {{ scores('offers') }}
    where item_id is not null
),

sold as (
    select
        lines.product_id,
        max(lines.order_date) as last_sold_date,
        count(distinct lines.order_id) as purchases,
        sum(lines.net_amount - lines.order_discount_amount) as net_sales,
        case when count(*) = count(lines.cost_amount) then sum(lines.cost_amount) end as cost_amount
    from {{ ref('fct_order_line') }} as lines
    where
        lines.is_sale and lines.is_goods and lines.order_date > {{ add_days(as_of_date(), -365) }}
        and {{ by_as_of('lines.order_date') }}
    group by lines.product_id
),

products as (
    select
        products.product_id,
        products.product_name,
        products.category,
        not products.is_deleted
        and coalesce(sold.last_sold_date > {{ add_days(as_of_date(), -90) }}, false) as is_sold_now,
        coalesce(sold.purchases, 0) as purchases,
        coalesce(sold.net_sales, 0) as net_sales,
        case when sold.product_id is null then 0 else sold.cost_amount end as cost_amount
    from {{ ref('dim_product') }} as products
    left join sold on products.product_id = sold.product_id
),

items as (
    select
        'product' as item_level,
        product_id as item_id,
        coalesce(product_name, product_id) as item_name,
        category,
        is_sold_now,
        purchases,
        net_sales,
        cost_amount
    from products
    union all
    select
        'category' as item_level,
        category as item_id,
        category as item_name,
        category,
        max(case when is_sold_now then 1 else 0 end) = 1 as is_sold_now,
        sum(purchases) as purchases,
        sum(net_sales) as net_sales,
        case when count(*) = count(cost_amount) then sum(cost_amount) end as cost_amount
    from products
    where category is not null
    group by category
),

returned as (
    select distinct
        returns.customer_id,
        returns.product_id,
        products.category
    from {{ ref('fct_return') }} as returns
    inner join products on returns.product_id = products.product_id
    where returns.return_date > {{ add_days(as_of_date(), -90) }} and {{ by_as_of('returns.return_date') }}
),

returned_items as (
    select distinct customer_id, 'product' as item_level, product_id as item_id from returned
    union all
    select distinct customer_id, 'category' as item_level, category as item_id
    from returned
    where category is not null
),

open_complaints as (
    select distinct customer_id
    from {{ ref('fct_case') }}
    where
        kind = 'complaint' and (resolved_date is null or resolved_date > {{ as_of_date() }})
        and {{ by_as_of('opened_date') }}
),

withheld as (
    select customer_id from {{ ref('part_customer_consent') }}
    where withheld_because is not null
),

described as (
    select
        scores.*,
        items.item_name,
        items.category,
        because.item_name as because_item_name,
        items.net_sales / nullif(items.purchases, 0) as sales_each,
        (items.net_sales - items.cost_amount) / nullif(items.purchases, 0) as margin_each,
        open_complaints.customer_id is not null as has_open_complaint
    from scores
    inner join items on scores.item_level = items.item_level and scores.item_id = items.item_id
    left join items as because
        on scores.item_level = because.item_level and scores.because_item_id = because.item_id
    left join returned_items
        on
            scores.customer_id = returned_items.customer_id
            and scores.item_level = returned_items.item_level
            and scores.item_id = returned_items.item_id
    left join open_complaints on scores.customer_id = open_complaints.customer_id
    left join withheld on scores.customer_id = withheld.customer_id
    where items.is_sold_now and returned_items.customer_id is null and withheld.customer_id is null
),

valued as (
    select
        *,
        {{ rounded_amount('probability * sales_each') }} as expected_net_sales,
        {{ rounded_amount('probability * margin_each') }} as expected_margin
    from described
),

final as (
    select
        customer_id,
        kind,
        cast(row_number() over (partition by customer_id, kind order by offer_rank) as int) as offer_rank,
        {{ as_of_date() }} as as_of_date,
        run_id,
        cast(row_number() over (
            partition by customer_id
            order by
                coalesce(expected_margin, expected_net_sales) desc nulls last, probability desc, kind asc, item_id asc
        ) as int) as place,
        item_level,
        item_id,
        item_name,
        category,
        horizon_days,
        probability,
        expected_net_sales,
        expected_margin,
        case
            when expected_margin is null then 'the cost of what was sold of it in the last 365 days is not known'
        end as expected_margin_reason,
        cast(purchase_days as bigint) as purchase_days,
        last_bought_date,
        usual_gap_days,
        cast({{ add_days('last_bought_date', 'cast(round(usual_gap_days) as int)') }} as date) as due_date,
        because_item_name,
        cast(bought_both as bigint) as because_customers,
        confidence as because_share,
        lift as because_lift,
        lift_low as because_lift_low,
        lift_high as because_lift_high,
        case
            when kind = 'due again' and purchase_days > 1
                then
                    'bought on ' || {{ counted('cast(purchase_days as bigint)', 'day') }} || ', every '
                    || {{ counted('greatest(cast(round(usual_gap_days) as bigint), 1)', 'day') }} || ', last on '
                    || cast(last_bought_date as {{ contract_type('text') }})
            when kind = 'due again' then 'bought once, on ' || cast(last_bought_date as {{ contract_type('text') }})
            when because_item_name is not null
                then
                    'bought by '
                    || cast(cast({{ rounded('100 * confidence', 1) }} as decimal(5, 1)) as {{ contract_type('text') }})
                    || ' % of those who bought ' || because_item_name || ', '
                    || cast(cast({{ rounded('lift', 1) }} as decimal(8, 1)) as {{ contract_type('text') }})
                    || ' times as often as by all'
            else
                'bought by '
                || cast(cast({{ rounded('100 * buyers_share', 1) }} as decimal(5, 1)) as {{ contract_type('text') }})
                || ' % of all who buy'
        end as reason,
        not has_open_complaint as is_eligible,
        case when has_open_complaint then 'open complaint' end as eligible_reason,
        cast(null as boolean) as is_in_stock,
        'no source says what is in stock' as stock_reason,
        case
            when not {{ has_returns }} then 'no active source provides returns: what was given back is not known'
        end as returns_reason
    from valued
)

select * from final
