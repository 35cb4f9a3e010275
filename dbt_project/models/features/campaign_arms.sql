-- Grain: one row per (campaign_id, measure, arm) of campaigns with customers in an arm. Key: these.
-- What the job effects compares (mining/effects): sums and squares are exact decimals, then doubles. The outcomes of
-- customers who were drawn for both arms, or for none, do not count.
with outcomes as (
    select
        *,
        max(case when arm = 'control' and has_responded then 1 else 0 end) over (partition by campaign_id)
            as has_responses_of_control
    from {{ ref('campaign_outcome') }}
    where arm in ('treated', 'control')
),

measured as (
    select
        campaign_id,
        'purchases' as measure,
        arm,
        cast(purchases as {{ contract_type('decimal') }}) as amount,
        window_end_date
    from outcomes
    union all
    select
        campaign_id,
        'net_sales' as measure,
        arm,
        net_sales as amount,
        window_end_date
    from outcomes
    union all
    select
        campaign_id,
        'margin' as measure,
        arm,
        margin as amount,
        window_end_date
    from outcomes
    union all
    -- Where the source says of the control group too whether it came: of most campaigns only the treated can respond.
    select
        campaign_id,
        'responded' as measure,
        arm,
        cast(case when has_responded then 1 else 0 end as {{ contract_type('decimal') }}) as amount,
        window_end_date
    from outcomes
    where has_responses_of_control = 1
)

select
    {{ as_of_date() }} as as_of_date,
    campaign_id,
    measure,
    arm,
    count(*) as customers,
    count(amount) as customers_with_amount,
    cast(sum(amount) as double) as amount_sum,
    cast(sum({{ product('amount', 'amount') }}) as double) as amount_square_sum,
    max(window_end_date) as window_end_date
from measured
group by campaign_id, measure, arm
