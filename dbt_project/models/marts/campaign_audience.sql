-- Grain: one row per (list_name, customer_id): who is in a campaign list, who is not, and why.
-- The lists are the files of campaigns/: their rules, order and permission. What holds for every list is here: none
-- without consent, contact details, or with an open complaint; none who was contacted a short time ago.
{# Days without a campaign after each campaign contact. #}
{% set pause_days = 14 %}

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
        and contact_date > {{ add_days(as_of_date(), "-" ~ pause_days) }}
        and {{ by_as_of('contact_date') }}
),

valued as (
    select
        *,
        coalesce(tier in ('platinum', 'gold'), false) as is_upper_tier,
        lifecycle_stage in ('dormant', 'lost') as is_lapsed,
        -- Sums of decimals: the average itself would be a double.
        purchases > 1
        and net_revenue * sum(case when purchases > 0 then 1 else 0 end) over ()
        > sum(case when purchases > 0 then net_revenue else 0 end) over () as is_above_average
    from customers
),

described_customers as (
    select
        valued.*,
        {{ permission(['consents.can_email']) }} as can_email,
        {{ permission(['consents.can_post']) }} as can_post,
        consents.withheld_because,
        {{ 'described.customer_id is not null' if var('providers').get('customers') else 'true' }}
            as has_contact_details,
        complaints.customer_id is not null as has_open_complaint,
        contacted.customer_id is not null as is_contacted,
        rhythms.gap_mean_days,
        drivers.reason_1
    from valued
    left join consents on valued.customer_id = consents.customer_id
    left join described on valued.customer_id = described.customer_id
    left join complaints on valued.customer_id = complaints.customer_id
    left join contacted on valued.customer_id = contacted.customer_id
    left join rhythms on valued.customer_id = rhythms.customer_id
    left join drivers on valued.customer_id = drivers.customer_id
),

targeted as (
    {%- for campaign in var('campaigns') %}
    select
        '{{ campaign.name }}' as list_name,
        *,
        {{ campaign.permission }} as is_permitted,
        case
            {%- for rule in campaign.rules %}
            when {{ rule.when }} then {{ rule.reason }}
            {%- endfor %}
        end as target_reason
    from described_customers
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        cast(null as {{ contract_type('text') }}) as list_name,
        *,
        false as is_permitted,
        'out: there is no list' as target_reason
    from described_customers
    where 1 = 0
    {%- endfor %}
),

judged as (
    select
        *,
        case
            when target_reason like 'out:%' then target_reason
            when withheld_because is not null then 'out: ' || withheld_because
            when is_permitted = false then 'out: no consent'
            when not has_contact_details then 'out: no contact details'
            when has_open_complaint then 'out: open complaint'
            when is_contacted then 'out: contacted in the last {{ pause_days }} days'
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
    cast(case
        when not is_included then null
        {%- for campaign in var('campaigns') %}
        when list_name = '{{ campaign.name }}'
            then row_number() over (
                partition by list_name, is_included
                order by {{ campaign.order | join(', ') }}, customer_id asc
            )
        {%- endfor %}
    end as int) as list_rank,
    case
        when is_included
            then concat_ws(
                '. ',
                'Last purchase '
                || {{ counted(days_between('last_order_date', 'as_of_date'), 'day') }} || ' ago'
                || coalesce(
                    ', usually one every ' || {{ counted('cast(round(gap_mean_days) as bigint)', 'day') }}, ''
                ),
                {{ counted('purchases', 'purchase') }} || ', '
                || {{ amount_text('net_revenue') }} || ' {{ var("currency") }}'
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
    can_email_or_post,
    can_email,
    can_post,
    can_call,
    can_text
from final
