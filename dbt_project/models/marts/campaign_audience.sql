-- Grain: one row per (list_name, customer_id): who is in a campaign list, who is not, and why.
-- winback: customers of the two upper tiers who are about to leave, by what their leaving would cost.
with customers as (
    select * from {{ ref('customer_360') }}
),

judged as (
    select
        'winback' as list_name,
        customer_id,
        segment_name,
        tier,
        lifecycle_stage,
        churn_probability,
        risk_band,
        clv_future,
        expected_loss,
        last_order_date,
        can_mail,
        can_call,
        can_text,
        case
            when orders = 0 then 'out: never bought'
            when can_mail = false then 'out: no consent'
            when tier is null or tier not in ('platinum', 'gold') then 'out: not in the two upper tiers'
            when risk_band in ('high', 'medium') then 'in: high or medium risk of leaving'
            when risk_band is not null then 'out: low risk of leaving'
            when lifecycle_stage in ('declining', 'dormant') then 'in: no churn score, buys less than its own rhythm'
            else 'out: no churn score, buys at its own rhythm'
        end as reason
    from customers
),

final as (
    select
        *,
        reason like 'in:%' as is_included
    from judged
)

select
    list_name,
    customer_id,
    is_included,
    reason,
    case
        when is_included
            then cast(row_number() over (
                partition by list_name, is_included
                order by
                    coalesce(expected_loss, clv_future, 0) desc,
                    coalesce(churn_probability, 0) desc,
                    customer_id asc
            ) as int)
    end as list_rank,
    segment_name,
    tier,
    lifecycle_stage,
    churn_probability,
    risk_band,
    clv_future,
    expected_loss,
    last_order_date,
    can_mail,
    can_call,
    can_text
from final
