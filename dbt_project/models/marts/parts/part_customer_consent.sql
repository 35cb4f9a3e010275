-- Grain: one row per customer with a marketing consent on the as-of date: what each channel's last change says.
-- Where records of a customer disagree, the later change wins; of changes at one instant, the withdrawal.
with changes as (
    select
        customer_id,
        channel,
        is_granted,
        row_number() over (
            partition by customer_id, channel
            order by changed_at desc, is_granted asc, consent_id asc
        ) as change_number
    from {{ ref('fct_consent') }}
    where purpose = 'marketing' and customer_id <> 'unknown' and {{ by_as_of('changed_date') }}
)

select
    customer_id,
    {%- for channel, column in {'email': 'can_email', 'mail': 'can_post', 'phone': 'can_call', 'sms': 'can_text'}.items() %}
    max(case when channel = '{{ channel }}' and is_granted then 1 else 0 end) = 1 as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from changes
where change_number = 1
group by customer_id
