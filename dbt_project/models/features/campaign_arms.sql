-- Grain: one row per (campaign_id, segment, measure, arm) of campaigns with customers in an arm. Key: these.
-- segment is 'everybody' or, of the measures that are learned from, a row of the seed campaign_segments: by the
-- purchases of the year before the contact, which no campaign has changed yet.
-- What the job effects compares (mining/effects): sums over the customers of an arm of what each did (amount), of its
-- square and cube, and of what each did before the contact. Squares are exact decimals, then doubles. capped_margin
-- counts up to cap_amount, the 95 % quantile of what the buyers of both arms brought, and down to its negative. Of
-- net_sales_per_purchase, a ratio, before_* are about its denominator: the purchases in the window.
-- The outcomes of customers who were drawn for both arms, or for none, do not count.
with outcomes as (
    select
        *,
        max(case when arm = 'control' and has_responded then 1 else 0 end) over (partition by campaign_id)
            as has_responses_of_control
    from {{ ref('campaign_outcome') }}
    where arm in ('treated', 'control')
),

caps as (
    select
        campaign_id,
        percentile_disc(0.95) within group (order by margin asc) as cap_amount
    from outcomes
    where margin > 0
    group by campaign_id
),

plans as (
    select
        campaign_id,
        cast(control_share as double) as control_share
    from {{ ref('dim_campaign') }}
),

segmented as (
    select
        *,
        'everybody' as segment
    from outcomes
    union all
    select
        outcomes.*,
        segments.segment
    from outcomes
    inner join {{ ref('campaign_segments') }} as segments
        on
            outcomes.purchases_before >= segments.purchases_from
            and (segments.purchases_below is null or outcomes.purchases_before < segments.purchases_below)
),

measured as (
    select
        outcomes.*,
        measures.measure,
        plans.control_share,
        caps.cap_amount,
        case measures.measure when 'net_sales_per_purchase' then outcomes.purchases else outcomes.purchases_before end
            as before,
        cast(case measures.measure
            when 'converted' then case when outcomes.purchases > 0 then 1 else 0 end
            when 'responded' then case when outcomes.has_responded then 1 else 0 end
            when 'purchases' then outcomes.purchases
            when 'margin' then outcomes.margin
            when 'capped_margin' then greatest(least(outcomes.margin, caps.cap_amount), -caps.cap_amount)
            else outcomes.net_sales
        end as {{ contract_type('decimal') }}) as amount
    from segmented as outcomes
    left join plans on outcomes.campaign_id = plans.campaign_id
    left join caps on outcomes.campaign_id = caps.campaign_id
    cross join (
        values
        ('converted'), ('responded'), ('purchases'), ('net_sales'), ('margin'), ('capped_margin'),
        ('net_sales_per_purchase')
    ) as measures (measure)
    -- Of most campaigns only the treated can respond.
    where
        (measures.measure <> 'responded' or outcomes.has_responses_of_control = 1)
        and (outcomes.segment = 'everybody' or measures.measure in ('converted', 'purchases', 'capped_margin'))
),

scaled as (
    select
        *,
        cast(max(abs(amount)) over (partition by campaign_id, segment, measure) as double) as largest
    from measured
),

-- Cubes of shares of the largest amount fit a decimal, whose sum is the same in any order.
cubed as (
    select
        *,
        cast(amount as double) / nullif(largest, 0) as part
    from scaled
)

select
    {{ as_of_date() }} as as_of_date,
    campaign_id,
    segment,
    measure,
    arm,
    count(*) as customers,
    count(amount) as customers_with_amount,
    count(case when purchases > 0 then 1 end) as buyers,
    cast(sum(amount) as double) as amount_sum,
    cast(sum({{ product('amount', 'amount') }}) as double) as amount_square_sum,
    coalesce(
        {{ rounded(
            'cast(sum(cast(part * part * part as decimal(38, 12))) as double) * max(largest * largest * largest)', 4
        ) }}, 0
    ) as amount_cube_sum,
    cast(sum(before) as double) as before_sum,
    cast(sum(before * before) as double) as before_square_sum,
    cast(sum({{ product('amount', 'before') }}) as double) as product_sum,
    max(cast(case when measure = 'capped_margin' then cap_amount end as double)) as cap_amount,
    max(control_share) as control_share,
    cast(sum(elapsed_days) as double) / sum(outcome_days) as elapsed_share,
    max(window_end_date) as window_end_date
from cubed
group by campaign_id, segment, measure, arm
