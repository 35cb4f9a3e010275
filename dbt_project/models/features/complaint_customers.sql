-- Grain: one row per moment_id: a complaint, or a contact about something else: what was known at the end of the day,
-- and what was bought in the 90 days after it; the purchase that went wrong is often of the same day. Known customers
-- alone. What the mining job recovery compares; marts.complaint_recovery shows the complaints.
-- handled: well (resolved within 7 days, not opened again), badly, or none: of the contacts to compare with. Of these
-- each customer has one that a hash chooses, without a complaint in the 90 days before. What follows decides nothing.
{% set days = 90 %}
{% set money = contract_type('decimal') %}

with cases as (
    select
        case_id as moment_id,
        customer_id,
        opened_date as start_date,
        case
            when reopened_count > 0 or {{ days_between('opened_date', 'resolved_date') }} > 7 then 'badly'
            when resolved_date <= {{ as_of_date() }} then 'well'
            when {{ days_between('opened_date', as_of_date()) }} > 7 then 'badly'
        end as handled
    from {{ ref('fct_case') }}
    where kind = 'complaint' and customer_id <> 'unknown' and {{ by_as_of('opened_date') }}
),

purchases as (
    select
        customer_id,
        order_date,
        known_date,
        net_sales,
        cost_amount
    from {{ ref('fct_order') }}
    where is_purchase and customer_id <> 'unknown' and {{ by_as_of('order_date') }}
),

-- Whom the desk heard of something else, of no case. Whoever complains is known to the desk, and so are they.
quiet as (
    select
        contacts.customer_id,
        contacts.contact_date as start_date,
        row_number() over (
            partition by contacts.customer_id order by md5(contacts.contact_id) asc, contacts.contact_id asc
        ) as place
    from {{ ref('fct_contact') }} as contacts
    left join cases
        on
            contacts.customer_id = cases.customer_id
            and contacts.contact_date >= cases.start_date
            and {{ days_between('cases.start_date', 'contacts.contact_date') }} <= {{ days }}
    where
        contacts.direction = 'in' and contacts.case_id = 'not_in_data' and contacts.customer_id <> 'unknown'
        and {{ by_as_of('contacts.contact_date') }}
        and contacts.contact_date <= {{ add_days(as_of_date(), -days) }}
        and cases.moment_id is null
),

moments as (
    select
        moment_id,
        customer_id,
        start_date,
        handled
    from cases
    union all
    select
        'none:' || customer_id as moment_id,
        customer_id,
        start_date,
        'none' as handled
    from quiet
    where place = 1
),

orders as (
    select
        moments.moment_id,
        purchases.order_date,
        purchases.net_sales,
        purchases.cost_amount,
        {{ days_between('purchases.order_date', 'moments.start_date') }} as days_ago,
        purchases.order_date <= moments.start_date and purchases.known_date <= moments.start_date as is_past,
        purchases.order_date > moments.start_date as is_outcome
    from moments
    inner join purchases
        on
            moments.customer_id = purchases.customer_id
            and purchases.order_date <= {{ add_days('moments.start_date', days) }}
),

bought as (
    select
        moment_id,
        min(case when is_past then days_ago end) as recency_days,
        max(case when is_past then days_ago end) as tenure_days,
        count(distinct case when is_past then order_date end) as purchase_days,
        count(distinct case when is_past and days_ago < 28 then order_date end) as purchase_days_28d,
        count(distinct case when is_past and days_ago < 84 then order_date end) as purchase_days_84d,
        count(distinct case when is_past and days_ago < 365 then order_date end) as purchase_days_365d,
        sum(case when is_past then net_sales end) as net_sales,
        sum(case when is_outcome then 1 else 0 end) as outcome_purchases,
        sum(case when is_outcome then net_sales else 0 end) as outcome_net_sales,
        case
            when count(case when is_outcome then cost_amount end) = sum(case when is_outcome then 1 else 0 end)
                then sum(case when is_outcome then net_sales - cost_amount else 0 end)
        end as outcome_margin
    from orders
    group by moment_id
),

final as (
    select
        {{ as_of_date() }} as as_of_date,
        moments.moment_id,
        moments.customer_id,
        moments.handled,
        moments.start_date <= {{ add_days(as_of_date(), -days) }} as is_over,
        bought.recency_days,
        bought.tenure_days,
        coalesce(bought.purchase_days, 0) as purchase_days,
        coalesce(bought.purchase_days_28d, 0) as purchase_days_28d,
        coalesce(bought.purchase_days_84d, 0) as purchase_days_84d,
        coalesce(bought.purchase_days_365d, 0) as purchase_days_365d,
        cast(coalesce(bought.net_sales, 0) as {{ money }}) as net_sales,
        cast(coalesce(bought.outcome_purchases, 0) as bigint) as outcome_purchases,
        cast(coalesce(bought.outcome_net_sales, 0) as {{ money }}) as outcome_net_sales,
        cast(case when bought.moment_id is null then 0 else bought.outcome_margin end as {{ money }})
            as outcome_margin,
        moments.start_date
    from moments
    left join bought on moments.moment_id = bought.moment_id
)

select * from final
