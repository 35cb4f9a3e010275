-- Grain: one row per (measure, month): the figures by which customer management is judged, with the reasons of those
-- that are not known.
with listed (measure, direction, metric, is_of_month, unit, definition) as (
    values
    ('new_customers', 'up', 'new_customers', true, 'count', 'Customers whose first known purchase is in the month.'),
    (
        'acquisition_cost', 'down', null, true, 'currency',
        'Costs of winning customers of the month, per new customer of the month.'
    ),
    (
        'payback_months', 'down', null, false, 'months',
        'Months until the margin of the customers won in the month has paid back what it cost to win them.'
    ),
    (
        'active_share', 'up', null, false, 'ratio',
        'Of all who had bought by the end of the month, the share with a purchase in the 12 months before.'
    ),
    (
        'retention_rate', 'up', 'retention_rate', false, 'ratio',
        'Of the customers active 12 months before, the share who are active now.'
    ),
    (
        'repeat_rate', 'up', 'repeat_rate', false, 'ratio',
        'Of the active customers, the share with two or more purchases in the 12 months.'
    ),
    (
        'customer_equity', 'up', null, false, 'currency',
        'What all customers are expected to buy within the horizon, before returns and costs, as it was forecast then.'
    ),
    (
        'nps', 'up', 'nps', true, 'points',
        'Share of promoters (9-10) less share of detractors (0-6), times 100.'
    ),
    ('csat', 'up', 'csat', true, 'ratio', 'Share of CSAT answers of 4 or 5 on the scale of 1 to 5.'),
    (
        'service_cost', 'down', null, true, 'currency',
        'Costs of serving customers of the month, per purchase of the month.'
    ),
    (
        'campaign_profit', 'up', null, true, 'currency',
        'Incremental profit of the campaigns that began in the month, as far as their control groups tell it.'
    ),
    (
        'data_quality', 'up', null, true, 'ratio',
        'Of the rows received in the month, the share that is not in quarantine.'
    )
),

metrics as (
    select
        metric,
        month_start_date,
        value,
        unavailable_reason,
        is_complete_month
    from {{ ref('metrics_monthly') }}
    where dimension = 'all'
),

months as (
    select
        month_start_date,
        is_complete_month,
        {{ month_number('month_start_date') }} as month_number,
        sum(value) over (order by month_start_date) as customers_to_date
    from metrics
    where metric = 'new_customers'
),

costs as (
    select
        kind,
        cast(date_trunc('month', cost_date) as date) as month_start_date,
        sum(amount) as amount
    from {{ ref('fct_cost_allocation') }}
    where {{ by_as_of('cost_date') }}
    group by kind, date_trunc('month', cost_date)
),

payback as (
    select
        cohort_month as month_start_date,
        min(case when margin_to_date >= acquisition_cost_to_date then months_since end) as months_to_pay_back,
        count(case when margin_to_date is not null then acquisition_cost_to_date end) as known_months
    from {{ ref('cohort_retention') }}
    where dimension = 'all'
    group by cohort_month
),

equity as (
    select
        cast(date_trunc('month', as_of_date) as date) as month_start_date,
        equity_before_returns
    from {{ ref('customer_equity') }}
),

campaigns as (
    select
        cast(date_trunc('month', start_date) as date) as month_start_date,
        sum(incremental_profit) as incremental_profit
    from {{ ref('campaign_performance') }}
    group by date_trunc('month', start_date)
),

receipts as (
    select
        cast(date_trunc('month', {{ local_date("(window_end - interval 1 second)") }}) as date) as month_start_date,
        sum(received) as received_rows,
        sum(quarantined + unreadable) as quarantined_rows
    from {{ ref('load_receipts') }}
    group by date_trunc('month', {{ local_date("(window_end - interval 1 second)") }})
),

joined as (
    select
        listed.*,
        months.month_start_date,
        months.month_number,
        months.is_complete_month,
        -- Each branch of one type: a common one of sums with 38 digits would have four after the point.
        cast(
            case listed.measure
                when 'acquisition_cost' then {{ quotient('costs.amount', 'new_customers.value', 4) }}
                when 'payback_months' then payback.months_to_pay_back
                when 'active_share' then {{ quotient('active.value', 'months.customers_to_date', 6) }}
                when 'customer_equity' then cast(equity.equity_before_returns as decimal(28, 6))
                when 'service_cost' then {{ quotient('costs.amount', 'purchases.value', 4) }}
                when 'campaign_profit' then cast(campaigns.incremental_profit as decimal(28, 6))
                when 'data_quality'
                    then
                        {{ quotient(
                            '(receipts.received_rows - receipts.quarantined_rows)', 'receipts.received_rows', 6
                        ) }}
                else metrics.value
            end as decimal(28, 6)
        ) as value,
        case
            when listed.metric is not null then coalesce(metrics.unavailable_reason, 'there are no data')
            when listed.measure = 'active_share' then coalesce(active.unavailable_reason, 'there are no data')
            when listed.measure in ('acquisition_cost', 'service_cost') and costs.amount is null
                then 'no costs of the kind are known'
            when listed.measure = 'payback_months' and coalesce(payback.known_months, 0) = 0
                then 'margin or costs of winning customers are not known'
            when listed.measure = 'payback_months' then 'not paid back by the as-of date'
            when listed.measure = 'customer_equity' then 'no forecast was made in the month'
            when listed.measure = 'campaign_profit' then 'no campaign of the month has a known profit'
            when listed.measure = 'data_quality' then 'nothing was received'
            else 'the denominator is zero'
        end as reason_if_none
    from months
    cross join listed
    left join metrics on months.month_start_date = metrics.month_start_date and listed.metric = metrics.metric
    left join metrics as active
        on months.month_start_date = active.month_start_date and active.metric = 'active_customers'
    left join metrics as new_customers
        on months.month_start_date = new_customers.month_start_date and new_customers.metric = 'new_customers'
    left join metrics as purchases
        on months.month_start_date = purchases.month_start_date and purchases.metric = 'purchases'
    left join costs
        on
            months.month_start_date = costs.month_start_date
            and costs.kind
            = case listed.measure when 'acquisition_cost' then 'acquisition' when 'service_cost' then 'service' end
    left join payback on months.month_start_date = payback.month_start_date
    left join equity on months.month_start_date = equity.month_start_date
    left join campaigns on months.month_start_date = campaigns.month_start_date
    left join receipts on months.month_start_date = receipts.month_start_date
)

select * from joined
