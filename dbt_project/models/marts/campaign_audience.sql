-- Grain: one row per (list_name, customer_id): who is in a campaign list, who is not, and why.
-- winback: customers of the two upper tiers who are about to leave, by what their leaving would cost; none without
-- consent to e-mail or letters, with an open complaint, or contacted by a campaign a short time ago.
with customers as (
    select * from {{ ref('customer_360') }}
),

consents as (
    select * from {{ ref('part_customer_consent') }}
),

complaints as (
    select distinct customer_id
    from {{ ref('fct_case') }}
    where
        kind = 'complaint'
        and opened_date <= {{ as_of_date() }}
        and (resolved_date is null or resolved_date > {{ as_of_date() }})
),

contacted as (
    select distinct customer_id
    from {{ ref('fct_campaign_contact') }}
    where
        arm <> 'control'
        and contact_date > {{ add_days(as_of_date(), "-" ~ contact_pause_days()) }}
        and {{ by_as_of('contact_date') }}
),

targeted as (
    select
        'winback' as list_name,
        customers.*,
        {{ permission(['consents.can_email']) }} as can_email,
        {{ permission(['consents.can_post']) }} as can_post,
        complaints.customer_id is not null as has_open_complaint,
        contacted.customer_id is not null as is_contacted,
        case
            when customers.orders = 0 then 'out: never bought'
            when customers.tier is null or customers.tier not in ('platinum', 'gold')
                then 'out: not in the two upper tiers'
            when customers.expected_loss <= 0 then 'out: costs more than it brings'
            when customers.risk_band in ('high', 'medium') then 'in: high or medium risk of leaving'
            when customers.risk_band is not null then 'out: low risk of leaving'
            when customers.lifecycle_stage in ('declining', 'dormant')
                then 'in: no churn score, buys less than its own rhythm'
            else 'out: no churn score, buys at its own rhythm'
        end as target_reason
    from customers
    left join consents on customers.customer_id = consents.customer_id
    left join complaints on customers.customer_id = complaints.customer_id
    left join contacted on customers.customer_id = contacted.customer_id
),

judged as (
    select
        *,
        case
            when target_reason like 'out:%' then target_reason
            when can_mail = false then 'out: no consent'
            when has_open_complaint then 'out: open complaint'
            when is_contacted then 'out: contacted in the last {{ contact_pause_days() }} days'
            else target_reason
        end as reason
    from targeted
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
    can_email,
    can_post,
    can_call,
    can_text
from final
