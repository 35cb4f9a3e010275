-- Grain: one row per (list_name, customer_id): who is on the list of a campaign, who is not, and the one reason.
-- The campaigns are the files of campaigns/ whose dates hold. They choose one after another, by priority
-- (macros/campaigns.sql).
{% set campaigns = of_build('campaigns') %}
{% set reason_groups = [
    'deleted at the source', 'objects to profiling', 'no consent', 'no contact details', 'minor', 'open complaint',
    'universal control group', 'chosen by a campaign with priority', 'household already chosen',
    'over budget or capacity', 'control group'
] %}

with customers as (
    select * from {{ ref('customer_360') }}
    inner join {{ ref('campaign_customer') }} using (customer_id)
    left join {{ ref('part_customer_birthday') }} using (customer_id)
),

{% for campaign in campaigns %}
{{ campaign_choice(campaign, loop.index) }},

{% endfor %}
reasoned as (
    {%- for campaign in campaigns %}
    select
        '{{ campaign.name }}' as list_name,
        customers.*,
        {{ campaign_reason(campaign) }} as own_reason,
        decided.customer_id is not null as is_free,
        decided.reason as choice_reason,
        decided.contacts
    from customers
    left join decided_{{ loop.index }} as decided on customers.customer_id = decided.customer_id
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        cast(null as {{ contract_type('text') }}) as list_name,
        customers.*,
        'out: there is no campaign' as own_reason,
        false as is_free,
        cast(null as {{ contract_type('text') }}) as choice_reason,
        0 as contacts
    from customers
    where 1 = 0
    {%- endfor %}
),

judged as (
    select
        *,
        case
            when own_reason like 'in:%' and not is_free then 'out: chosen by a campaign with priority'
            else coalesce(choice_reason, own_reason)
        end as reason
    from reasoned
),

final as (
    select
        *,
        reason like 'in:%' as is_included,
        case
            when reason like 'in:%' then 'on the list'
            when reason like 'out: contacted in the last %' then 'contacted a short time ago'
            when substr(reason, 6) in ({{ text_list(reason_groups) }}) then substr(reason, 6)
            else 'not in the audience'
        end as reason_group
    from judged
)

select
    list_name,
    customer_id,
    is_included,
    reason,
    reason_group,
    case when is_included then 'treated' when reason_group = 'control group' then 'control' end as arm,
    cast(case when is_included then contacts end as int) as list_rank,
    case
        when is_included
            then concat_ws(
                '. ',
                'Last purchase ' || {{ counted('days_since_last_order', 'day') }} || ' ago'
                || coalesce(
                    ', usually one every ' || {{ counted('cast(round(usual_gap_days) as bigint)', 'day') }}, ''
                ),
                {{ counted('purchases', 'purchase') }} || ', '
                || {{ amount_text('net_revenue') }} || ' {{ var("currency") }}'
                || ' after refunds',
                churn_driver
            )
    end as explanation,
    segment_name,
    tier,
    lifecycle_stage,
    churn_probability,
    risk_band,
    clv_future,
    expected_loss,
    winback_class,
    p_return,
    maximum_spend,
    winback_deadline_date,
    last_order_date,
    can_email_or_post,
    can_email,
    can_post,
    can_call,
    can_text
from final
