-- Grain: one row per (measure, month, dimension, dimension_value, second_value) with rows in the measure's fact, by the
-- as-of date. second_value is 'all' unless the dimension is two. Products are the 100 with most sales in the last 365
-- days; the others are one.
-- A null value is unknown; a row that is missing counts as zero. marts.metric_catalogue shows the formulas, which stand
-- in vars.metric_facts of dbt_project.yml, too (tests/lint/test_metrics.py compares them).
-- The segment is the customer's on the as-of date, in all months.
with customers as (
    select
        dim_customer.customer_id,
        dim_customer.country,
        dim_customer.acquisition_channel,
        segments.segment_name
    from {{ ref('dim_customer') }} as dim_customer
    left join {{ ref('customer_segments') }} as segments on dim_customer.customer_id = segments.customer_id
),

order_channels as (
    select order_id, channel from {{ ref('fct_order') }}
),

top_products as (
    select product_id as top_product_id from {{ ref('fct_order_line') }}
    where order_date > {{ add_days(as_of_date(), -365) }} and {{ by_as_of('order_date') }}
    group by product_id
    order by sum({{ measure('fct_order_line', 'net_sales') }}) desc, product_id asc
    limit 100
),

product_categories as (
    select
        products.product_id,
        products.category,
        coalesce(top_products.top_product_id, 'other') as product
    from {{ ref('dim_product') }} as products
    left join top_products on products.product_id = top_products.top_product_id
),

campaign_channels as (
    select campaign_id, channel from {{ ref('dim_campaign') }}
),

lines as (
    select
        cast(date_trunc('month', order_date) as date) as metric_month,
        coalesce(order_channels.channel, 'unknown') as by_channel,
        coalesce(product_categories.category, 'unknown') as by_category,
        coalesce(product_categories.product, 'other') as by_product,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        sum({{ measure('fct_order_line', 'net_sales') }}) as net_sales,
        sum(case when is_goods then list_amount else 0 end) as list_sales,
        sum(case when is_goods then discount_amount + coupon_discount_amount else 0 end) as discount_total,
        case
            when
                count(case when is_goods then 1 end) = count(case when is_goods then cost_amount end)
                then sum(case when is_goods then cost_amount else 0 end)
        end as cost_of_goods,
        min(order_date) as first_date
    from {{ ref('fct_order_line') }}
    left join customers using (customer_id)
    left join order_channels using (order_id)
    left join product_categories using (product_id)
    where {{ by_as_of('order_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_channel), (metric_month, by_category), (metric_month, by_product),
        (metric_month, by_country), (metric_month, by_acquisition_channel), (metric_month, by_segment),
        (metric_month, by_category, by_segment), (metric_month, by_acquisition_channel, by_segment)
    )
),

orders as (
    select
        cast(date_trunc('month', order_date) as date) as metric_month,
        coalesce(channel, 'unknown') as by_channel,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        count(*) as order_count,
        sum(case when is_purchase then 1 else 0 end) as purchase_count,
        sum(case when is_purchase then net_sales else 0 end) as purchase_sales,
        sum(case when is_purchase then quantity else 0 end) as purchase_quantity,
        count(distinct case when is_purchase and customer_id <> 'unknown' then customer_id end) as buyers,
        min(order_date) as first_date
    from {{ ref('fct_order') }}
    left join customers using (customer_id)
    where {{ by_as_of('order_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_channel), (metric_month, by_country),
        (metric_month, by_acquisition_channel), (metric_month, by_segment),
        (metric_month, by_acquisition_channel, by_segment)
    )
),

returns as (
    select
        cast(date_trunc('month', return_date) as date) as metric_month,
        coalesce(order_channels.channel, 'unknown') as by_channel,
        coalesce(product_categories.category, 'unknown') as by_category,
        coalesce(product_categories.product, 'other') as by_product,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        sum({{ measure('fct_return', 'refunds') }}) as refunds,
        sum({{ measure('fct_return', 'recovered') }}) as recovered,
        sum(case when is_sale then 1 else 0 end) as returned_lines,
        min(return_date) as first_date
    from {{ ref('fct_return') }}
    left join customers using (customer_id)
    left join order_channels using (order_id)
    left join product_categories using (product_id)
    where {{ by_as_of('return_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_channel), (metric_month, by_category), (metric_month, by_product),
        (metric_month, by_country), (metric_month, by_acquisition_channel), (metric_month, by_segment),
        (metric_month, by_category, by_segment), (metric_month, by_acquisition_channel, by_segment)
    )
),

costs as (
    select
        cast(date_trunc('month', cost_date) as date) as metric_month,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        sum(amount) as customer_costs,
        min(cost_date) as first_date
    from {{ ref('fct_cost_allocation') }}
    left join customers using (customer_id)
    where {{ by_as_of('cost_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_country), (metric_month, by_acquisition_channel),
        (metric_month, by_segment), (metric_month, by_acquisition_channel, by_segment)
    )
),

activity as (
    select
        cast(date_trunc('month', month_start_date) as date) as metric_month,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        sum(case when is_active then 1 else 0 end) as active_count,
        sum(case when is_new then 1 else 0 end) as new_count,
        sum(case when is_reactivated then 1 else 0 end) as reactivated_count,
        sum(case when is_lapsed then 1 else 0 end) as lapsed_count,
        sum(case when is_active and was_active_year_before then 1 else 0 end) as retained_count,
        sum(case when purchases_12_months >= 2 then 1 else 0 end) as repeat_count,
        sum(purchases_12_months) as purchases_12_months_total,
        min(month_start_date) as first_date
    from {{ ref('part_customer_activity') }}
    left join customers using (customer_id)
    where {{ by_as_of('month_start_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_country), (metric_month, by_acquisition_channel),
        (metric_month, by_segment)
    )
),

activity_year_before as (
    select
        cast(date_trunc('month', year_later_date) as date) as metric_month,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        sum(case when is_active then 1 else 0 end) as active_year_before_count,
        min(year_later_date) as first_date
    from {{ ref('part_customer_activity') }}
    left join customers using (customer_id)
    where {{ by_as_of('year_later_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_country), (metric_month, by_acquisition_channel),
        (metric_month, by_segment)
    )
),

contacts as (
    select
        cast(date_trunc('month', contact_date) as date) as metric_month,
        coalesce(channel, 'unknown') as by_channel,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        count(*) as contact_count,
        count(case when direction = 'in' and is_abandoned is not null then 1 end) as inbound_count,
        count(case when direction = 'in' and is_abandoned then 1 end) as abandoned_count,
        min(contact_date) as first_date
    from {{ ref('fct_contact') }}
    left join customers using (customer_id)
    where {{ by_as_of('contact_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_channel), (metric_month, by_country),
        (metric_month, by_acquisition_channel), (metric_month, by_segment)
    )
),

cases_opened as (
    select
        cast(date_trunc('month', opened_date) as date) as metric_month,
        coalesce(kind, 'unknown') as by_kind,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        count(*) as case_count,
        min(opened_date) as first_date
    from {{ ref('fct_case') }}
    left join customers using (customer_id)
    where {{ by_as_of('opened_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_kind), (metric_month, by_country),
        (metric_month, by_acquisition_channel), (metric_month, by_segment)
    )
),

cases_resolved as (
    select
        cast(date_trunc('month', resolved_date) as date) as metric_month,
        coalesce(kind, 'unknown') as by_kind,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        count(*) as resolved_count,
        sum(case when reopened_count > 0 then 1 else 0 end) as reopened_count_cases,
        count(reopened_count) as reopen_known_count,
        sum(case when contacts = 1 and reopened_count = 0 then 1 else 0 end) as first_contact_count,
        sum(case when contacts > 0 and reopened_count is not null then 1 else 0 end) as with_contact_count,
        sum(days_to_resolve) as resolve_days,
        min(resolved_date) as first_date
    from {{ ref('part_resolved_case') }}
    left join customers using (customer_id)
    where {{ by_as_of('resolved_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_kind), (metric_month, by_country),
        (metric_month, by_acquisition_channel), (metric_month, by_segment)
    )
),

surveys as (
    select
        cast(date_trunc('month', response_date) as date) as metric_month,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        sum(
            case
                when kind = 'nps' and score >= 9 then 1
                when kind = 'nps' and score <= 6 then -1
                else 0
            end
        ) as nps_balance,
        sum(case when kind = 'nps' then 1 else 0 end) as nps_count,
        sum(case when kind = 'csat' and score >= 4 then 1 else 0 end) as csat_satisfied_count,
        sum(case when kind = 'csat' then 1 else 0 end) as csat_count,
        sum(case when kind = 'ces' then score else 0 end) as ces_score,
        sum(case when kind = 'ces' then 1 else 0 end) as ces_count,
        min(response_date) as first_date
    from {{ ref('fct_survey_response') }}
    left join customers using (customer_id)
    where {{ by_as_of('response_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_country), (metric_month, by_acquisition_channel),
        (metric_month, by_segment)
    )
),

consents as (
    select
        cast(date_trunc('month', month_start_date) as date) as metric_month,
        coalesce(channel, 'unknown') as by_channel,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        count(distinct customer_id) as consented_count,
        min(month_start_date) as first_date
    from {{ ref('part_consent_month') }}
    left join customers using (customer_id)
    where {{ by_as_of('month_start_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_channel), (metric_month, by_country),
        (metric_month, by_acquisition_channel), (metric_month, by_segment)
    )
),

web_sessions as (
    select
        cast(date_trunc('month', session_date) as date) as metric_month,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        count(*) as session_count,
        sum(case when has_checkout then 1 else 0 end) as checkout_count,
        min(session_date) as first_date
    from {{ ref('fct_web_session') }}
    left join customers using (customer_id)
    where {{ by_as_of('session_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_country), (metric_month, by_acquisition_channel),
        (metric_month, by_segment)
    )
),

campaign_contacts as (
    select
        cast(date_trunc('month', contact_date) as date) as metric_month,
        coalesce(campaign_channels.channel, 'unknown') as by_channel,
        coalesce(customers.country, 'unknown') as by_country,
        coalesce(customers.acquisition_channel, 'unknown') as by_acquisition_channel,
        coalesce(customers.segment_name, 'unknown') as by_segment,
        sum(case when arm <> 'control' then 1 else 0 end) as campaign_contact_count,
        sum(
            case
                when arm <> 'control' and cast(responded_at as date) <= {{ as_of_date() }} then 1
                else 0
            end
        ) as campaign_responded_count,
        min(contact_date) as first_date
    from {{ ref('fct_campaign_contact') }}
    left join customers using (customer_id)
    left join campaign_channels using (campaign_id)
    where {{ by_as_of('contact_date') }}
    group by grouping sets (
        (metric_month), (metric_month, by_channel), (metric_month, by_country),
        (metric_month, by_acquisition_channel), (metric_month, by_segment)
    )
),

-- A measure has one row for each of its cells, also where it is unknown.
measures as (
    select
        measure, value, metric_month, first_date,
        by_channel, by_category, by_product, null as by_kind, by_country, by_acquisition_channel, by_segment
    from lines
    unpivot include nulls (value for measure in (net_sales, list_sales, discount_total, cost_of_goods))
    union all
    select
        measure, value, metric_month, first_date,
        by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from orders
    unpivot include nulls (
        value for measure in (order_count, purchase_count, purchase_sales, purchase_quantity, buyers)
    )
    union all
    select
        measure, value, metric_month, first_date,
        by_channel, by_category, by_product, null as by_kind, by_country, by_acquisition_channel, by_segment
    from returns
    unpivot include nulls (value for measure in (refunds, recovered, returned_lines))
    union all
    select
        measure, value, metric_month, first_date,
        null as by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from costs
    unpivot include nulls (value for measure in (customer_costs))
    union all
    select
        measure, value, metric_month, first_date,
        null as by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from activity
    unpivot include nulls (
        value for measure in (
            active_count, new_count, reactivated_count, lapsed_count,
            retained_count, repeat_count, purchases_12_months_total
        )
    )
    union all
    select
        measure, value, metric_month, first_date,
        null as by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from activity_year_before
    unpivot include nulls (value for measure in (active_year_before_count))
    union all
    select
        measure, value, metric_month, first_date,
        by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from contacts
    unpivot include nulls (value for measure in (contact_count, inbound_count, abandoned_count))
    union all
    select
        measure, value, metric_month, first_date,
        null as by_channel, null as by_category, null as by_product, by_kind,
        by_country, by_acquisition_channel, by_segment
    from cases_opened
    unpivot include nulls (value for measure in (case_count))
    union all
    select
        measure, value, metric_month, first_date,
        null as by_channel, null as by_category, null as by_product, by_kind,
        by_country, by_acquisition_channel, by_segment
    from cases_resolved
    unpivot include nulls (
        value for measure in (
            resolved_count, reopened_count_cases, reopen_known_count, first_contact_count,
            with_contact_count, resolve_days
        )
    )
    union all
    select
        measure, value, metric_month, first_date,
        null as by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from surveys
    unpivot include nulls (
        value for measure in (nps_balance, nps_count, csat_satisfied_count, csat_count, ces_score, ces_count)
    )
    union all
    select
        measure, value, metric_month, first_date,
        by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from consents
    unpivot include nulls (value for measure in (consented_count))
    union all
    select
        measure, value, metric_month, first_date,
        null as by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from web_sessions
    unpivot include nulls (value for measure in (session_count, checkout_count))
    union all
    select
        measure, value, metric_month, first_date,
        by_channel, null as by_category, null as by_product, null as by_kind,
        by_country, by_acquisition_channel, by_segment
    from campaign_contacts
    unpivot include nulls (value for measure in (campaign_contact_count, campaign_responded_count))
)

select
    measure,
    metric_month as month_start_date,
    case
        when by_category is not null and by_segment is not null then 'category by segment'
        when by_acquisition_channel is not null and by_segment is not null then 'acquisition_channel by segment'
        when by_channel is not null then 'channel'
        when by_category is not null then 'category'
        when by_product is not null then 'product'
        when by_kind is not null then 'kind'
        when by_country is not null then 'country'
        when by_acquisition_channel is not null then 'acquisition_channel'
        when by_segment is not null then 'segment'
        else 'all'
    end as dimension,
    coalesce(
        by_channel, by_category, by_product, by_kind, by_country, by_acquisition_channel, by_segment, 'all'
    ) as dimension_value,
    case when coalesce(by_category, by_acquisition_channel) is not null then coalesce(by_segment, 'all') else 'all' end
        as second_value,
    cast(value as {{ contract_type('total') }}) as value,
    first_date
from measures
