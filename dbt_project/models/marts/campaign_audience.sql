-- Grain: one row per (list_name, customer_id): who is in a campaign list, who is not, and why.
-- winback: customers worth winning back, by what is at stake: those of the two upper tiers who are about to leave, and
-- those who have stayed away beyond their own rhythm and had brought more than the average customer. None without
-- consent to e-mail or letters, contact details, or with an open complaint; none who was contacted a short time ago.
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

described as (
    select customer_id from {{ ref('dim_customer_contact') }}
),

rhythms as (
    select
        customer_id,
        gap_mean_days
    from {{ ref('customer_features') }}
    where as_of_date = {{ as_of_date() }}
),

drivers as (
    select
        customer_id,
        reason_1
    from {{ ref('customer_churn') }}
),

contacted as (
    select distinct customer_id
    from {{ ref('fct_campaign_contact') }}
    where
        arm <> 'control'
        and contact_date > {{ add_days(as_of_date(), "-" ~ contact_pause_days()) }}
        and {{ by_as_of('contact_date') }}
),

valued as (
    select
        *,
        coalesce(tier in ('platinum', 'gold'), false) as is_upper_tier,
        lifecycle_stage in ('dormant', 'lost') as is_lapsed,
        -- Sums of decimals: the average itself would be a double.
        orders > 1
        and net_revenue * sum(case when orders > 0 then 1 else 0 end) over ()
        > sum(case when orders > 0 then net_revenue else 0 end) over () as is_above_average
    from customers
),

targeted as (
    select
        'winback' as list_name,
        valued.*,
        {{ permission(['consents.can_email']) }} as can_email,
        {{ permission(['consents.can_post']) }} as can_post,
        consents.withheld_because,
        {{ 'described.customer_id is not null' if var('providers').get('customers') else 'true' }}
            as has_contact_details,
        complaints.customer_id is not null as has_open_complaint,
        contacted.customer_id is not null as is_contacted,
        rhythms.gap_mean_days,
        drivers.reason_1,
        case
            when valued.orders = 0 then 'out: ' || {{ no_known_purchase() }}
            when valued.expected_loss <= 0 or valued.clv_future < 0 then 'out: brings no more than it costs'
            when valued.is_upper_tier and valued.risk_band in ('high', 'medium')
                then 'in: upper tiers, high or medium risk of leaving'
            when valued.is_lapsed and valued.is_above_average
                then 'in: lapsed, had brought more than the average customer'
            when valued.is_lapsed
                then 'out: lapsed, had brought less than the average customer, or bought once'
            when valued.tier is null then 'out: the segments could not be computed'
            when not valued.is_upper_tier then 'out: not in the two upper tiers'
            when valued.risk_band is not null then 'out: low risk of leaving'
            when valued.lifecycle_stage = 'declining' then 'in: upper tiers, buys less than before'
            else 'out: no churn score, buys at its own rhythm'
        end as target_reason
    from valued
    left join consents on valued.customer_id = consents.customer_id
    left join described on valued.customer_id = described.customer_id
    left join complaints on valued.customer_id = complaints.customer_id
    left join contacted on valued.customer_id = contacted.customer_id
    left join rhythms on valued.customer_id = rhythms.customer_id
    left join drivers on valued.customer_id = drivers.customer_id
),

judged as (
    select
        *,
        case
            when target_reason like 'out:%' then target_reason
            when withheld_because is not null then 'out: ' || withheld_because
            when can_mail = false then 'out: no consent'
            when not has_contact_details then 'out: no contact details'
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
                    net_revenue desc,
                    customer_id asc
            ) as int)
    end as list_rank,
    case
        when is_included
            then concat_ws(
                '. ',
                'Last purchase '
                || {{ counted(days_between('last_order_date', 'as_of_date'), 'day') }} || ' ago'
                || coalesce(
                    ', usually one every ' || {{ counted('cast(round(gap_mean_days) as bigint)', 'day') }}, ''
                ),
                {{ counted('orders', 'purchase') }} || ', '
                || cast(cast(net_revenue as decimal(18, 2)) as {{ contract_type('text') }}) || ' {{ var("currency") }}'
                || ' after refunds',
                reason_1
            )
    end as explanation,
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
